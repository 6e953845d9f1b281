// A handler per route of the contract; a missing one does not compile.

import type { RouteBody, RouteHeaders, RouteParams, RouteQuery, RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import type { Routes } from '@nullspace/contract/routes.ts'
import type { Principal } from '../domain/principal.ts'

export interface Call<R extends RouteSpec> {
  /** Null only on routes that anyone may call. */
  readonly principal: R['access'] extends 'none' ? null : Principal
  readonly params: RouteParams<R>
  readonly query: RouteQuery<R>
  readonly body: RouteBody<R>
  readonly headers: RouteHeaders<R>
}

export type Handlers = { readonly [Id in keyof Routes]: (call: Call<Routes[Id]>) => Promise<RouteResult<Routes[Id]>> }
