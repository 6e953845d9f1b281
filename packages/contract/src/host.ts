// The daemon about itself: health for anyone, detail for a key holder.

import { z } from 'zod'
import { route } from './route.ts'

export const healthCheck = route({
  id: 'healthCheck',
  method: 'GET',
  path: '/healthz',
  summary: 'Whether the daemon answers.',
  access: 'none',
  success: { status: 200, body: z.object({ status: z.literal('ok') }) },
  errors: [],
})

export const CheckResult = z.object({
  /** What was looked at, e.g. `kvm`. */
  name: z.string(),
  /** `info` is worth knowing and no fault. */
  level: z.enum(['ok', 'info', 'warning', 'failure']),
  /** What was found, one sentence. */
  found: z.string(),
  /** How to mend it; left out when there is nothing to mend. */
  fix: z.string().optional(),
})
export type CheckResult = z.output<typeof CheckResult>

export const HostStatus = z.object({
  version: z.string(),
  driver: z.string(),
  accelerator: z.string(),
  pid: z.number().int(),
  started_at: z.iso.datetime(),
  /** Shapes that set-up promises: `ready` when a create of them is a restore. */
  shapes: z.array(
    z.object({
      template: z.string(),
      vcpus: z.number().int(),
      memory_mb: z.number().int(),
      state: z.enum(['ready', 'building', 'failed', 'absent']),
      detail: z.string().optional(),
    }),
  ),
  machines: z.object({ running: z.number().int(), creating: z.number().int(), paused: z.number().int(), error: z.number().int() }),
  checks: z.array(CheckResult),
})
export type HostStatus = z.output<typeof HostStatus>

export const getHostStatus = route({
  id: 'getHostStatus',
  method: 'GET',
  path: '/v1/host/status',
  summary: 'What this host runs, what is ready, what needs mending.',
  access: 'key',
  success: { status: 200, body: HostStatus },
  errors: ['unauthorized'],
  ours: true,
})
