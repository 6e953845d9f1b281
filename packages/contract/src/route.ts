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
  /** Success status and its body. One per route: the published client checks only the documented one. */
  readonly success: { readonly status: number; readonly body: z.ZodType }
  readonly errors: readonly ErrorCode[]
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

export const route = <const Spec extends RouteSpec>(spec: Spec): Spec => spec

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined

export type RouteParams<R extends RouteSpec> = Parsed<R['params']>
export type RouteQuery<R extends RouteSpec> = Parsed<R['query']>
export type RouteBody<R extends RouteSpec> = Parsed<R['body']>
export type RouteHeaders<R extends RouteSpec> = Parsed<R['headers']>
export type RouteResult<R extends RouteSpec> = z.output<R['success']['body']>
/** What a caller writes: defaults may be left out. */
export type RouteInput<R extends RouteSpec> = R['body'] extends z.ZodType ? z.input<R['body']> : undefined
