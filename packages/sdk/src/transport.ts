// One request over HTTP: a route of the contract and what to put in, out comes its parsed body or an error object.

import type { RouteInput, RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import { checked } from './checked.ts'
import { errorFromRefusal } from './error-map.ts'
import { MachineError, TimeoutError, TransportError } from './errors.ts'
import { inQuery } from './names.ts'
import { VERSION } from './version.ts'

type Input<Schema> = Schema extends { readonly _zod: { readonly input: infer In } } ? In : never
type Part<Name extends string, Schema> = [Input<Schema>] extends [never] ? object : { readonly [K in Name]: Input<Schema> }

/** What a caller gives for a route: exactly the parts that it declares. */
export type CallInput<R extends RouteSpec> = Part<'params', R['params']> & Partial<Part<'query', R['query']>> & BodyPart<R>
type BodyPart<R extends RouteSpec> = RouteInput<R> extends undefined ? object : { readonly body: RouteInput<R> }

export interface Wire {
  readonly baseUrl: string
  readonly apiKey: string | undefined
  readonly fetch: typeof fetch
}

export interface Limits {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly idempotencyKey: string | undefined
}

interface Parts {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

export async function request<R extends RouteSpec>(wire: Wire, route: R, input: CallInput<R>, limits: Limits): Promise<RouteResult<R>> {
  const parts: Parts = input
  const late = AbortSignal.timeout(limits.timeoutMs)
  const signal = limits.signal ? AbortSignal.any([late, limits.signal]) : late
  let response: Response
  let text: string
  try {
    response = await wire.fetch(urlOf(wire.baseUrl, route, parts), {
      method: route.method,
      headers: headersOf(wire, route, parts, limits.idempotencyKey),
      body: parts.body === undefined ? null : JSON.stringify(parts.body),
      redirect: 'manual',
      signal,
    })
    text = await response.text()
  } catch (cause) {
    limits.signal?.throwIfAborted()
    if (cause instanceof MachineError) throw cause
    if (late.aborted) throw new TimeoutError(`no answer to ${route.id} within ${limits.timeoutMs / 1000} s`, { cause })
    throw connectionError(wire.baseUrl, cause)
  }
  if (!response.ok) throw refused(response, text)
  return parse(route, text, requestIdOf(response))
}

export function refused(response: Response, text: string): MachineError {
  return errorFromRefusal({
    status: response.status,
    text,
    requestId: requestIdOf(response),
    retryAfter: response.headers.get('retry-after'),
  })
}

export const requestIdOf = (response: Response): string | undefined => response.headers.get('x-request-id') ?? undefined

/** The base keeps its path prefix. A parameter that a URL parser would resolve away never leaves the process. */
export function pathOf(template: string, params: Readonly<Record<string, unknown>> | undefined, baseUrl: string): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(params?.[name] ?? '')
    if (value === '' || value === '.' || value === '..') {
      throw new MachineError(`"${value}" is no valid ${name}`, { code: 'invalid_request', retryable: false })
    }
    return encodeURIComponent(value)
  })
  return `${baseUrl}${path}`
}

export function urlOf(baseUrl: string, route: RouteSpec, { params, query }: Parts): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null)
  const search = given.map(([name, value]) => `${inQuery(name)}=${inQuery(String(value))}`).join('&')
  return `${pathOf(route.path, params, baseUrl)}${search === '' ? '' : `?${search}`}`
}

export function headersOf({ apiKey }: Wire, route: RouteSpec, { body }: Parts, idempotencyKey: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': `nullspace-sdk-ts/${VERSION}` }
  if (apiKey && route.access !== 'none') headers['authorization'] = `Bearer ${apiKey}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
  return headers
}

export function parse<R extends RouteSpec>(route: R, text: string, requestId: string | undefined): RouteResult<R> {
  let json: unknown
  try {
    // A 204 has no body; a route that promises one does not take its absence.
    json = text === '' ? undefined : JSON.parse(text)
  } catch (cause) {
    throw new MachineError(`the answer to ${route.id} is not JSON`, { code: 'invalid_response', requestId, cause })
  }
  // Sound: the schema is this route's own; the compiler does not connect it with R.
  return checked(route.success.body, json, route.id, requestId) as RouteResult<R>
}

/** Causes after which the daemon cannot have seen the request; the last two are Bun's. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'FailedToOpenSocket',
])

export function connectionError(baseUrl: string, error: unknown): TransportError {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : undefined
  const reached = code === undefined || !UNREACHED.has(code)
  const reason = code ?? (inner instanceof Error ? inner.message : String(inner))
  return new TransportError(`${reached ? 'lost the connection to' : 'cannot reach'} the daemon at ${baseUrl} (${reason})`, {
    reached,
    retryable: true,
    suggestedAction: 'Start the daemon with "nullspace daemon start", or set NULLSPACE_API_URL to where it listens.',
    cause: error,
  })
}
