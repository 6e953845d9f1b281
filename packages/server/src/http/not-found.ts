// What is said of a path or a method that no route has.

import { AppError } from '@nullspace/contract/errors.ts'
import { NOT_BUILT } from '@nullspace/contract/not-built.gen.ts'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES } from '@nullspace/contract/routes.ts'
import type { FastifyRequest } from 'fastify'

export function notFound(request: FastifyRequest): AppError {
  const path = request.url.split('?', 1)[0] ?? ''
  const methods = (Object.values(ROUTES) as RouteSpec[]).filter((spec) => matches(spec.path, path)).map((spec) => spec.method)
  if (isNotBuilt(request))
    return new AppError('not_implemented', { say: `${request.method} ${path.slice(0, 200)} is not available in this release.` })
  if (methods.length === 0) return new AppError('not_found', { say: `There is nothing at ${path.slice(0, 200)}.` })
  const allow = methods.join(', ')
  return new AppError('method_not_allowed', { say: `${request.method} is not possible here; ${allow} is.`, details: { allow } })
}

/** A route of the published wire that a later release will have. */
export function isNotBuilt(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0] ?? ''
  return NOT_BUILT.some((route) => {
    const [method, pattern = ''] = route.split(' ')
    return method === request.method && matches(pattern, path)
  })
}

function matches(pattern: string, path: string): boolean {
  const want = pattern.split('/')
  const have = path.split('/')
  return want.length === have.length && want.every((part, index) => part.startsWith('{') || part === have[index])
}
