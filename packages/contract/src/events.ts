// Lifecycle events: what was asked of a machine, what came of it. Rows of an outbox, listed and streamed.

import { z } from 'zod'
import { MachineParams } from './machines.ts'
import { route } from './route.ts'
import { SnapshotParams } from './snapshots.ts'

export const LIFECYCLE_OPERATIONS = [
  'create',
  'destroy',
  'timeout_updated',
  'timeout_expired',
  'hibernate',
  'snapshot_created',
  'resume_from_snapshot',
  'fork',
  'reconcile',
] as const
export const LifecycleOperation = z.enum(LIFECYCLE_OPERATIONS)
export type LifecycleOperation = z.output<typeof LifecycleOperation>
export const LifecycleStatus = z.enum(['requested', 'succeeded', 'failed'])
export type LifecycleStatus = z.output<typeof LifecycleStatus>
export const ActorKind = z.enum(['user', 'system', 'reconcile'])
export type ActorKind = z.output<typeof ActorKind>
const Audience = z.enum(['customer', 'internal'])

/** Open object; an optional field without a value is absent. */
export const LifecycleEvent = z.object({
  id: z.uuid(),
  occurred_at: z.iso.datetime(),
  audience: Audience,
  operation: LifecycleOperation,
  status: LifecycleStatus,
  actor_kind: ActorKind,
  metadata: z.record(z.string(), z.unknown()),
  machine_id: z.string().optional(),
  snapshot_id: z.string().optional(),
  source_machine_id: z.string().optional(),
  target_machine_id: z.string().optional(),
  reason: z.string().optional(),
  error_code: z.string().optional(),
  error_message: z.string().optional(),
})
export type LifecycleEvent = z.output<typeof LifecycleEvent>

const page = {
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  order: z.enum(['asc', 'desc']).default('desc'),
  operation: LifecycleOperation.optional(),
  status: LifecycleStatus.optional(),
  /** RFC 3339; both bounds are part of the range. */
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
}
export const EventPageQuery = z.strictObject(page)
export const EventQuery = z.strictObject({
  ...page,
  audience: Audience.optional(),
  machine_id: z.string().optional(),
  snapshot_id: z.string().optional(),
  source_machine_id: z.string().optional(),
  target_machine_id: z.string().optional(),
})

export const LifecycleEventList = z.object({
  events: z.array(LifecycleEvent),
  offset: z.number().int(),
  limit: z.number().int(),
  has_more: z.boolean(),
})
export type LifecycleEventList = z.output<typeof LifecycleEventList>

export const listLifecycleEvents = route({
  id: 'listLifecycleEvents',
  method: 'GET',
  path: '/v1/lifecycle/events',
  summary: 'List lifecycle events of all machines and snapshots of the caller.',
  access: 'key',
  query: EventQuery,
  success: { status: 200, body: LifecycleEventList },
  errors: ['invalid_request', 'unauthorized'],
})

export const listMachineLifecycleEvents = route({
  id: 'listMachineLifecycleEvents',
  method: 'GET',
  path: '/v1/machines/{id}/lifecycle',
  summary: 'List the events of one machine, as itself, as a source or as a child; also of one that is gone.',
  access: 'key',
  params: MachineParams,
  query: EventPageQuery,
  success: { status: 200, body: LifecycleEventList },
  errors: ['invalid_request', 'unauthorized', 'machine_not_found'],
})

export const listSnapshotLifecycleEvents = route({
  id: 'listSnapshotLifecycleEvents',
  method: 'GET',
  path: '/v1/snapshots/{id}/lifecycle',
  summary: 'List the events of one snapshot; also of one that is gone.',
  access: 'key',
  params: SnapshotParams,
  query: EventPageQuery,
  success: { status: 200, body: LifecycleEventList },
  errors: ['invalid_request', 'unauthorized', 'snapshot_not_found'],
})

/** First frame of a client on /v1/lifecycle/ws and /v1/machines/{id}/lifecycle/ws. */
export const SubscribeFrame = z.object({
  type: z.literal('subscribe'),
  machine_id: z.string().nullish(),
  snapshot_id: z.string().nullish(),
  operation: LifecycleOperation.nullish(),
  status: LifecycleStatus.nullish(),
  audience: Audience.nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  live_only: z.boolean().nullish(),
  after_event_id: z.uuid().nullish(),
  replay_limit: z.number().int().min(0).max(1000).nullish(),
})
export type SubscribeFrame = z.output<typeof SubscribeFrame>
