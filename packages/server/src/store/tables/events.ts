// The outbox of lifecycle events, in the order they were committed. An event and the change it tells are one transaction.

import type { ActorKind, LifecycleOperation, LifecycleStatus } from '@nullspace/contract/events.ts'
import { randomUUID } from 'node:crypto'
import type { Selectable, SelectQueryBuilder } from 'kysely'
import type { Db, Tx } from '../db.ts'
import type { EventTable, Schema } from '../schema.ts'

export interface NewEvent {
  readonly ownerId: string
  readonly operation: LifecycleOperation
  readonly status: LifecycleStatus
  readonly actor: ActorKind
  readonly machineId?: string | undefined
  readonly snapshotId?: string | undefined
  readonly sourceMachineId?: string | undefined
  readonly targetMachineId?: string | undefined
  readonly reason?: string | undefined
  readonly error?: { readonly code: string; readonly message: string } | undefined
  /** Of the machine; filters of streams look at it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

export type EventRow = Selectable<EventTable>

export interface EventFilter {
  readonly ownerId: string
  readonly operation?: LifecycleOperation | null | undefined
  readonly status?: LifecycleStatus | null | undefined
  /** As itself, as a source or as a child. */
  readonly aboutMachineId?: string | null | undefined
  readonly machineId?: string | undefined
  readonly sourceMachineId?: string | undefined
  readonly targetMachineId?: string | undefined
  readonly snapshotId?: string | null | undefined
  /** ms since the epoch; both bounds are part of the range. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Places in the order: after the one, up to and with the other. */
  readonly afterSeq?: number | undefined
  readonly upToSeq?: number | undefined
}

export interface EventPage {
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly offset?: number
}

export async function insertEvent(tx: Db | Tx, event: NewEvent, now: number): Promise<string> {
  const id = randomUUID()
  await tx
    .insertInto('events')
    .values({
      id,
      owner_id: event.ownerId,
      occurred_at: now,
      operation: event.operation,
      status: event.status,
      actor_kind: event.actor,
      machine_id: event.machineId ?? null,
      snapshot_id: event.snapshotId ?? null,
      source_machine_id: event.sourceMachineId ?? null,
      target_machine_id: event.targetMachineId ?? null,
      reason: event.reason ?? null,
      error_code: event.error?.code ?? null,
      error_message: event.error?.message ?? null,
      metadata: JSON.stringify(event.metadata ?? {}),
    })
    .execute()
  return id
}

export async function readEvents(db: Db, filter: EventFilter, page: EventPage): Promise<EventRow[]> {
  return matching(db.selectFrom('events').selectAll(), filter)
    .orderBy('seq', page.order)
    .limit(page.limit)
    .offset(page.offset ?? 0)
    .execute()
}

export async function anyEvent(db: Db, filter: EventFilter): Promise<boolean> {
  return (await matching(db.selectFrom('events').select('seq'), filter).limit(1).executeTakeFirst()) !== undefined
}

export async function findEvent(db: Db, id: string): Promise<EventRow | null> {
  return (await db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
}

/** Place of the newest event there ever was; a reader who is there misses nothing that comes. */
export async function lastSeq(db: Db): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max<number | null>('seq').as('seq'))
    .executeTakeFirst()
  return row?.seq ?? 0
}

/** Whose events stand after this place. */
export async function ownersAfter(db: Db, seq: number): Promise<string[]> {
  const rows = await db.selectFrom('events').select('owner_id').distinct().where('seq', '>', seq).execute()
  return rows.map((row) => row.owner_id)
}

/** Removes events with their deliveries: what is older, and of each owner what is past the newest `perOwner`. At most `limit` at once. */
export async function trimEvents(db: Db, bounds: { before: number; perOwner: number; limit: number }): Promise<number> {
  return db.transaction().execute(async (tx) => {
    let doomed = await tx
      .selectFrom('events')
      .select(['seq', 'id'])
      .where('occurred_at', '<', bounds.before)
      .orderBy('seq')
      .limit(bounds.limit)
      .execute()
    if (doomed.length === 0) doomed = await crowded(tx, bounds)
    if (doomed.length === 0) return 0
    const ids = doomed.map(({ id }) => id)
    await tx.deleteFrom('webhook_deliveries').where('event_id', 'in', ids).execute()
    await tx.deleteFrom('events').where('id', 'in', ids).execute()
    return ids.length
  })
}

/** The oldest ones of an owner who has too many. */
async function crowded(tx: Tx, { perOwner, limit }: { perOwner: number; limit: number }): Promise<{ seq: number; id: string }[]> {
  const owner = await tx
    .selectFrom('events')
    .select((eb) => ['owner_id', eb.fn.countAll<number>().as('count')])
    .groupBy('owner_id')
    .having((eb) => eb.fn.countAll(), '>', perOwner)
    .executeTakeFirst()
  if (!owner) return []
  return tx
    .selectFrom('events')
    .select(['seq', 'id'])
    .where('owner_id', '=', owner.owner_id)
    .orderBy('seq')
    .limit(Math.min(limit, Number(owner.count) - perOwner))
    .execute()
}

function matching<O>(query: SelectQueryBuilder<Schema, 'events', O>, filter: EventFilter): SelectQueryBuilder<Schema, 'events', O> {
  const { aboutMachineId: about, from, to, afterSeq, upToSeq } = filter
  const exact = {
    operation: filter.operation,
    status: filter.status,
    machine_id: filter.machineId,
    source_machine_id: filter.sourceMachineId,
    target_machine_id: filter.targetMachineId,
    snapshot_id: filter.snapshotId,
  }
  let q = query.where('owner_id', '=', filter.ownerId)
  for (const [column, value] of Object.entries(exact)) if (value != null) q = q.where(column as keyof typeof exact, '=', value)
  if (about != null)
    q = q.where((eb) => eb.or([eb('machine_id', '=', about), eb('source_machine_id', '=', about), eb('target_machine_id', '=', about)]))
  if (from !== undefined) q = q.where('occurred_at', '>=', from)
  if (to !== undefined) q = q.where('occurred_at', '<=', to)
  if (afterSeq !== undefined) q = q.where('seq', '>', afterSeq)
  if (upToSeq !== undefined) q = q.where('seq', '<=', upToSeq)
  return q
}
