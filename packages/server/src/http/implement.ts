// A handler per route of the contract; a missing one does not compile.

import type { RouteBody, RouteHeaders, RouteParams, RouteQuery, RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import type { Routes } from '@nullspace/contract/routes.ts'
import type { Hold } from '../app/held-memory.ts'
import type { Principal } from '../domain/principal.ts'

export interface Call<R extends RouteSpec> {
  /** Null only on routes that anyone may call. */
  readonly principal: R['access'] extends 'none' ? null : Principal
  readonly params: RouteParams<R>
  readonly query: RouteQuery<R>
  readonly body: RouteBody<R>
  readonly headers: RouteHeaders<R>
  /** Where the caller found us, as `http://host:port`. */
  readonly origin: string
  /** Counts what of this request and its answer is large and in memory, until that is out. */
  readonly hold: Hold
  /** Aborted when the caller is gone before it has the whole answer. */
  readonly signal: AbortSignal
}

/** With `rows` an array comes in batches, and a `longText` in pieces. */
type Answer<R extends RouteSpec> = R extends { readonly rows: true }
  ? RouteResult<R> extends readonly (infer Item)[]
    ? AsyncIterable<readonly Item[]>
    : never
  : R extends { readonly longText: infer Field extends string }
    ? Omit<RouteResult<R>, Field> & { readonly [Name in Field]: Iterable<string> }
    : RouteResult<R>

export type Handlers = { readonly [Id in keyof Routes]: (call: Call<Routes[Id]>) => Promise<Answer<Routes[Id]>> }
