// The outbox of lifecycle events, in the order they were committed. An event and the change it tells are one transaction.

import type { ActorKind, LifecycleOperation, LifecycleStatus } from '@nullspace/contract/events.ts'
import { randomUUID } from 'node:crypto'
import { type Selectable, type SelectQueryBuilder, sql } from 'kysely'
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

/** What a reader needs to see whether it wants an event: a fraction of it, unless the metadata is asked for. */
export interface EventKey {
  readonly seq: number
  /** Of the row, about. */
  readonly bytes: number
  /** Null when it was not asked for. */
  readonly metadata: string | null
}

/** Of the columns but the metadata, about. */
const ROW_BYTES = 512
const bytesOfRow = sql<number>`octet_length(metadata) + ${sql.lit(ROW_BYTES)}`

export async function readEventKeys(db: Db, filter: EventFilter, page: EventPage & { metadata: boolean }): Promise<EventKey[]> {
  const { metadata } = page
  return matching(db.selectFrom('events'), filter)
    .select(['seq', bytesOfRow.as('bytes'), metadata ? 'metadata' : sql<null>`null`.as('metadata')])
    .orderBy('seq', page.order)
    .limit(page.limit)
    .execute()
}

/** In their order; what has gone meanwhile is left out. */
export async function eventsAt(db: Db, seqs: readonly number[]): Promise<EventRow[]> {
  if (seqs.length === 0) return []
  return db.selectFrom('events').selectAll().where('seq', 'in', seqs).orderBy('seq').execute()
}

/** Place of the owner's `nth` event from here on, or back; null when there are not so many. Whatever they tell of. */
export async function placeOfNth(
  db: Db,
  range: { readonly ownerId: string; readonly nth: number } & ({ readonly afterSeq: number } | { readonly upToSeq: number }),
): Promise<number | null> {
  const row = await matching(db.selectFrom('events').select('seq'), range)
    .orderBy('seq', 'afterSeq' in range ? 'asc' : 'desc')
    .offset(range.nth - 1)
    .limit(1)
    .executeTakeFirst()
  return row?.seq ?? null
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

/** Whose events there are: one look into the index for each. */
export async function eventOwners(db: Db): Promise<string[]> {
  const owners: string[] = []
  for (let last = ''; ;) {
    const row = await db
      .selectFrom('events')
      .select('owner_id')
      .where('owner_id', '>', last)
      .orderBy('owner_id')
      .limit(1)
      .executeTakeFirst()
    if (!row) return owners
    owners.push((last = row.owner_id))
  }
}

/** Up to `limit` of the oldest events after a place, for whoever may forget them. */
export async function oldestEvents(
  db: Db,
  { afterSeq, limit }: { afterSeq: number; limit: number },
): Promise<{ readonly seq: number; readonly occurredAt: number; readonly unsent: boolean }[]> {
  const rows = await db
    .selectFrom('events')
    .select(['seq', 'occurred_at', UNSENT.as('unsent')])
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map(({ seq, occurred_at, unsent }) => ({ seq, occurredAt: occurred_at, unsent: unsent === 1 }))
}

/** Whether a webhook is still to be told. */
const UNSENT = sql<number>`exists (select 1 from webhook_deliveries d where d.event_id = events.id and d.delivery_status in ('queued', 'in_progress'))`

/** With their deliveries. */
export async function deleteEvents(db: Db, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return
  await db.transaction().execute(async (tx) => {
    const ids = tx.selectFrom('events').select('id').where('seq', 'in', seqs)
    await tx.deleteFrom('webhook_deliveries').where('event_id', 'in', ids).execute()
    await tx.deleteFrom('events').where('seq', 'in', seqs).execute()
  })
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
