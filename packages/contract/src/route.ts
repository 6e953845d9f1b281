// A route is a value: declared once, mounted by the server, called by the SDK, written to OpenAPI.

import { z } from 'zod'
import type { ErrorCode } from './errors.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** `none`: anyone; `key`: any valid key; `operator`: a key of an operator. */
export type Access = 'none' | 'key' | 'operator'

export interface RouteSpec {
  readonly id: string
  readonly method: Method
  /** With `{name}` for parameters, as in OpenAPI. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly body?: z.ZodType
  /** Bytes of a JSON body, where they may be more than usual. */
  readonly bodyLimit?: number
  /** The body is not JSON: `bytes` are handed on as they come, whatever their content type; `parts` is multipart/form-data. */
  readonly upload?: 'bytes' | 'parts'
  /** With `parts`: what they are, for documents. With one called `file`, a body of application/octet-stream stands for that. */
  readonly form?: z.ZodObject
  /** Success status and its body. One per route: the published client checks only the documented one. */
  readonly success: { readonly status: number; readonly body: z.ZodType }
  readonly errors: readonly ErrorCode[]
  /** The answer is an array without end: it is sent as it comes, with white space while it does not. A failure under way cuts the connection. */
  readonly rows?: true
  /** A field of the answer that is a long text: it is made and sent piece by piece. */
  readonly longText?: string
  /**
   * The answer may take longer than clients wait in silence: after a while the success status is sent with white space
   * that keeps the connection awake, and the body when it is there. What fails after that is told by `late`.
   */
  readonly patient?: { readonly late: (code: ErrorCode, message: string, details: Readonly<Record<string, unknown>>) => unknown }
  /** True for what is ours and not part of the published wire. */
  readonly ours?: boolean
}

/** Body of a 204. */
export const NO_BODY = z.undefined()

/** An answer that is bytes and not JSON. */
export interface BytesAnswer {
  /** Is begun by whoever has the answer, in any case, and read to its end or returned from. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Left out when it is not known before the end. */
  readonly length?: number
  readonly headers?: Readonly<Record<string, string>>
  /** 206 of a part. */
  readonly status?: number
}
export const BYTES = z.custom<BytesAnswer>((value) => typeof value === 'object' && value !== null && 'bytes' in value)

/** The body of a route with `upload`, as its handler gets it: not read yet. */
export interface BytesBody {
  /** Rejects with an AppError when the client is gone, or sends nothing for too long. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Of Content-Length; undefined when the client does not say. */
  readonly length: number | undefined
}
/** Parts in their order; each must be read, or is skipped, before the next. */
export interface PartsBody {
  readonly parts: AsyncIterable<BodyPart>
}
export interface BodyPart {
  readonly name: string
  readonly filename: string | undefined
  readonly bytes: AsyncIterable<Uint8Array>
}
/** A part of a form that holds a file. */
export const FILE_PART = z.custom<Uint8Array>().meta({ type: 'string', format: 'binary' })

export const route = <const Spec extends RouteSpec>(spec: Spec): Spec => spec

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined

export type RouteParams<R extends RouteSpec> = Parsed<R['params']>
export type RouteQuery<R extends RouteSpec> = Parsed<R['query']>
export type RouteBody<R extends RouteSpec> = R['upload'] extends 'bytes'
  ? BytesBody
  : R['upload'] extends 'parts'
    ? PartsBody
    : Parsed<R['body']>
export type RouteHeaders<R extends RouteSpec> = Parsed<R['headers']>
export type RouteResult<R extends RouteSpec> = z.output<R['success']['body']>
/** What a caller writes: defaults may be left out. */
export type RouteInput<R extends RouteSpec> = R['body'] extends z.ZodType ? z.input<R['body']> : undefined
