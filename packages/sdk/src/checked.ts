import type { RouteSpec } from '@nullspace/contract/route.ts'
import { MachineError } from './errors.ts'

type Schema = RouteSpec['success']['body']

/** `value` as `schema` reads it: keys that this version does not know are dropped. @throws MachineError `invalid_response` */
export function checked<S extends Schema>(schema: S, value: unknown, routeId: string, requestId?: string): S['_zod']['output'] {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new MachineError(`the answer to ${routeId} is not what was promised`, {
    code: 'invalid_response',
    requestId,
    details: { issues: result.error.issues },
  })
}
