// Files of the pool that belong to nothing any more. Ours.

import { z } from 'zod'
import { route } from './route.ts'

export const GarbageItem = z.object({
  kind: z.enum(['machine', 'snapshot', 'template', 'vm', 'slot', 'build', 'upload']),
  name: z.string(),
  /** What removing it frees, as far as it is known; blocks that something else shares are not freed. */
  bytes: z.number().int(),
  /** Why nothing needs it. */
  reason: z.string(),
})
export type GarbageItem = z.output<typeof GarbageItem>

export const collectGarbage = route({
  id: 'collectGarbage',
  method: 'POST',
  path: '/v1/host/gc',
  summary: 'Remove what nothing refers to any more; with dry_run only say what that is and why.',
  access: 'operator',
  body: z.strictObject({ dry_run: z.boolean().default(false) }),
  success: { status: 200, body: z.object({ dry_run: z.boolean(), items: z.array(GarbageItem) }) },
  errors: ['invalid_request', 'unauthorized', 'forbidden'],
  ours: true,
})
