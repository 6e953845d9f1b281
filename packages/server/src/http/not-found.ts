// What is said of a path or a method that no route has.

import { AppError } from '@nullspace/contract/errors.ts'
import { NOT_BUILT } from '@nullspace/contract/not-built.gen.ts'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES } from '@nullspace/contract/routes.ts'
import { CHANNELS } from '@nullspace/contract/channels.ts'

/** Of a request: what it asks for. */
export interface Asked {
  readonly method: string
  readonly url: string
}

/** `as` is how it was asked for. */
export function notFound(request: Asked, as: 'HTTP' | 'WebSocket' = 'HTTP'): AppError {
  const path = request.url.split('?', 1)[0] ?? ''
  const methods = (Object.values(ROUTES) as RouteSpec[]).filter((spec) => pathParams(spec.path, path)).map((spec) => spec.method)
  if (isNotBuilt(request))
    return new AppError('not_implemented', { say: `${request.method} ${path.slice(0, 200)} is not available in this release.` })
  if (as === 'WebSocket') return new AppError('not_found', { say: `There is no WebSocket channel at ${path.slice(0, 200)}.` })
  if (Object.values(CHANNELS).some((channel) => pathParams(channel.path, path)))
    return new AppError('invalid_request', { say: `${path.slice(0, 200)} is a WebSocket channel: send an upgrade.` })
  if (methods.length === 0) return new AppError('not_found', { say: `There is nothing at ${path.slice(0, 200)}.` })
  const allow = methods.join(', ')
  return new AppError('method_not_allowed', { say: `${request.method} is not possible here; ${allow} is.`, details: { allow } })
}

/** A route of the published wire that a later release will have. */
export function isNotBuilt(request: Asked): boolean {
  const path = request.url.split('?', 1)[0] ?? ''
  return NOT_BUILT.some((route) => {
    const [method, pattern = ''] = route.split(' ')
    return method === request.method && pathParams(pattern, path) !== null
  })
}

/** What stands for each `{name}` of the pattern; null when the path is another. */
export function pathParams(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/')
  const have = path.split('/')
  if (want.length !== have.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of want.entries()) {
    const value = have[index] ?? ''
    if (!part.startsWith('{')) {
      if (part !== value) return null
    } else {
      try {
        params[part.slice(1, -1)] = decodeURIComponent(value)
      } catch {
        return null
      }
    }
  }
  return params
}
