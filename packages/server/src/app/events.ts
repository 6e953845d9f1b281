// Lifecycle events as their owner reads them: pages of what happened.

import type { LifecycleEvent } from '@nullspace/contract/events.ts'
import { AppError } from '@nullspace/contract/errors.ts'
import type { Principal } from '../domain/principal.ts'
import { anyEvent, type EventFilter, type EventRow, readEvents } from '../store/tables/events.ts'
import { findMachine } from '../store/tables/machines.ts'
import { findSnapshot } from '../store/tables/snapshots.ts'
import type { App } from './context.ts'
import { noMachine } from './machines.ts'

export interface EventListRequest extends Omit<EventFilter, 'ownerId' | 'afterSeq' | 'upToSeq'> {
  readonly offset: number
  readonly limit: number
  readonly order: 'asc' | 'desc'
}

export interface EventList {
  readonly events: LifecycleEvent[]
  readonly offset: number
  readonly limit: number
  readonly has_more: boolean
}

export async function listEvents(app: App, principal: Principal, request: EventListRequest): Promise<EventList> {
  const { offset, limit, order, ...filter } = request
  const rows = await readEvents(app.db, { ...filter, ownerId: principal.ownerId }, { offset, order, limit: limit + 1 })
  return { events: rows.slice(0, limit).map(eventView), offset, limit, has_more: rows.length > limit }
}

/** Also of a machine that is gone, as long as an event of the caller tells of it. */
export async function listMachineEvents(app: App, principal: Principal, id: string, request: EventListRequest): Promise<EventList> {
  await requireKnownMachine(app, principal, id)
  return listEvents(app, principal, { ...request, aboutMachineId: id })
}

export async function requireKnownMachine(app: App, { ownerId }: Principal, id: string): Promise<void> {
  if (await anyEvent(app.db, { ownerId, aboutMachineId: id })) return
  const machine = await findMachine(app.db, id)
  if (machine?.ownerId !== ownerId || machine.state === 'destroyed') throw noMachine(id)
}

export async function listSnapshotEvents(app: App, principal: Principal, id: string, request: EventListRequest): Promise<EventList> {
  const { ownerId } = principal
  const known = (await anyEvent(app.db, { ownerId, snapshotId: id })) || (await hasSnapshot(app, ownerId, id))
  if (!known) throw new AppError('snapshot_not_found', { say: `There is no snapshot ${id.slice(0, 80)}.` })
  return listEvents(app, principal, { ...request, snapshotId: id })
}

async function hasSnapshot(app: App, ownerId: string, id: string): Promise<boolean> {
  const snapshot = await findSnapshot(app.db, id)
  return snapshot?.ownerId === ownerId && snapshot.state === 'ready' && snapshot.kind !== 'branch'
}

/** An event as the wire shows it; what has no value is absent. */
export function eventView(row: EventRow): LifecycleEvent {
  return {
    id: row.id,
    occurred_at: new Date(row.occurred_at).toISOString(),
    audience: 'customer',
    operation: row.operation,
    status: row.status,
    actor_kind: row.actor_kind,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    ...(row.machine_id === null ? {} : { machine_id: row.machine_id }),
    ...(row.snapshot_id === null ? {} : { snapshot_id: row.snapshot_id }),
    ...(row.source_machine_id === null ? {} : { source_machine_id: row.source_machine_id }),
    ...(row.target_machine_id === null ? {} : { target_machine_id: row.target_machine_id }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.error_code === null ? {} : { error_code: row.error_code }),
    ...(row.error_message === null ? {} : { error_message: row.error_message }),
  }
}
