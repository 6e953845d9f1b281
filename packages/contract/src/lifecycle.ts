// What happens to a machine between create and destroy: pause, resume, fork, deadlines, and who came from whom.

import { z } from 'zod'
import { IdempotencyHeaders, LIMITS, MachineInfo, MachineParams, TimeoutAction } from './machines.ts'
import { route } from './route.ts'
import { SnapshotInfo } from './snapshots.ts'

/** Children of one fork request. */
export const MOST_FORKS = 64

export const hibernateMachine = route({
  id: 'hibernateMachine',
  method: 'POST',
  path: '/v1/machines/{id}/hibernate',
  summary: 'Pause: save memory and disk, end the VM, free what it used. Processes go on after resume.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: SnapshotInfo },
  errors: [
    'unauthorized',
    'machine_not_found',
    'machine_not_ready',
    'transition_in_progress',
    'capacity_exceeded',
    'rebuild_required',
    'no_eligible_runtime_host',
    'insufficient_storage',
    'draining',
  ],
})

export const resumeMachine = route({
  id: 'resumeMachine',
  method: 'POST',
  path: '/v1/machines/{id}/resume',
  summary: 'Resume a paused machine under its own id.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: MachineInfo },
  errors: [
    'unauthorized',
    'quota_exceeded',
    'machine_not_found',
    'machine_not_ready',
    'transition_in_progress',
    'incompatible_snapshot',
    'rebuild_required',
    'capacity_exceeded',
    'no_eligible_runtime_host',
    'insufficient_storage',
    'draining',
  ],
})

const FORK_ERRORS = [
  'invalid_request',
  'unauthorized',
  'quota_exceeded',
  'machine_not_found',
  'machine_not_ready',
  'transition_in_progress',
  'idempotency_conflict',
  'capacity_exceeded',
  'rebuild_required',
  'no_eligible_runtime_host',
  'insufficient_storage',
  'draining',
] as const

export const forkMachine = route({
  id: 'forkMachine',
  method: 'POST',
  path: '/v1/machines/{id}/fork',
  summary: 'Make one child that goes on from the machine’s live memory and disk; the machine goes on too.',
  access: 'key',
  params: MachineParams,
  headers: IdempotencyHeaders,
  success: { status: 201, body: MachineInfo },
  errors: FORK_ERRORS,
})

export const ForkManyBody = z.strictObject({ count: z.number().int().min(1).max(MOST_FORKS) })

export const forkMachineMany = route({
  id: 'forkMachineMany',
  method: 'POST',
  path: '/v1/machines/{id}/forks',
  summary: 'Make several children from one stop of the machine: all of them, or none.',
  access: 'key',
  params: MachineParams,
  headers: IdempotencyHeaders,
  body: ForkManyBody,
  success: { status: 201, body: z.object({ items: z.array(MachineInfo) }) },
  errors: FORK_ERRORS,
  ours: true,
})

export const SetTimeoutBody = z.strictObject({
  timeout_ms: z.number().int().min(LIMITS.timeoutMs.min).max(LIMITS.timeoutMs.max),
  timeout_action: TimeoutAction.nullish(),
})

export const TimeoutLease = z.object({
  timeout_ms: z.number().int(),
  timeout_action: TimeoutAction,
  timeout_at: z.iso.datetime().optional(),
  remaining_ms: z.number().int().min(0).optional(),
})
export type TimeoutLease = z.output<typeof TimeoutLease>

export const setTimeout = route({
  id: 'setTimeout',
  method: 'POST',
  path: '/v1/machines/{id}/timeout',
  summary: 'Begin the machine’s time anew: it ends `timeout_ms` from now. An action that is left out stays.',
  access: 'key',
  params: MachineParams,
  body: SetTimeoutBody,
  success: { status: 200, body: TimeoutLease },
  errors: ['invalid_request', 'unauthorized', 'machine_not_found', 'machine_not_ready', 'transition_in_progress'],
})

/** One machine in a family; destroyed ones stay while anything descends from them. */
export const LineageNode = z.object({
  machine_id: z.string(),
  /** Left out at the root. */
  parent_machine_id: z.string().optional(),
  /** How it came to be. */
  origin: z.enum(['template', 'snapshot', 'fork']),
  /** The reusable snapshot it was made from, when that is how. */
  snapshot_id: z.string().optional(),
  status: z.enum(['creating', 'running', 'paused', 'error', 'destroyed']),
  template: z.string(),
  created_at: z.iso.datetime(),
})
export type LineageNode = z.output<typeof LineageNode>

export const getLineage = route({
  id: 'getLineage',
  method: 'GET',
  path: '/v1/machines/{id}/lineage',
  summary: 'The whole family of a machine: its ancestors up to the root and everything that descends from that.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.object({ machine_id: z.string(), root_machine_id: z.string(), nodes: z.array(LineageNode) }) },
  errors: ['unauthorized', 'machine_not_found'],
  ours: true,
})
