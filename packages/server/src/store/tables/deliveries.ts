// What the sender of webhooks does to deliveries: finds what is due, takes it, writes what came of it.

import { randomUUID } from 'node:crypto'
import type { Db } from '../db.ts'
import type { DeliveryRow, WebhookRow } from './webhooks.ts'

export interface DueWebhook {
  readonly id: string
  readonly ownerId: string
  /** When the earliest of its deliveries was due, ms since the epoch. */
  readonly since: number
}

/** Enabled webhooks that have something to be sent, the longest waiting first. */
export async function dueWebhooks(db: Db, now: number): Promise<DueWebhook[]> {
  const rows = await db
    .selectFrom('webhook_deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
    .select((eb) => ['w.id', 'w.owner_id as ownerId', eb.fn.min<number>('d.next_attempt_at').as('since')])
    .where('d.next_attempt_at', 'is not', null)
    .where('d.next_attempt_at', '<=', now)
    .where('w.enabled', '=', 1)
    .groupBy('w.id')
    .orderBy('since')
    .execute()
  return rows.map((row) => ({ ...row, since: Number(row.since) }))
}

export interface Taken {
  readonly webhook: WebhookRow
  readonly deliveries: readonly DeliveryRow[]
}

/** Marks up to `count` due deliveries as being sent. From here on a crash means that they are sent again. */
export async function takeDeliveries(db: Db, webhookId: string, now: number, count: number): Promise<Taken | null> {
  return db.transaction().execute(async (tx) => {
    const webhook = await tx.selectFrom('webhooks').selectAll().where('id', '=', webhookId).executeTakeFirst()
    if (!webhook) return null
    const deliveries = await tx
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('webhook_id', '=', webhookId)
      .where('next_attempt_at', 'is not', null)
      .where('next_attempt_at', '<=', now)
      .orderBy('next_attempt_at')
      .orderBy('created_at')
      .limit(count)
      .execute()
    if (deliveries.length === 0) return null
    await tx
      .updateTable('webhook_deliveries')
      .set({ delivery_status: 'in_progress', next_attempt_at: null })
      .where(
        'id',
        'in',
        deliveries.map(({ id }) => id),
      )
      .execute()
    return { webhook, deliveries }
  })
}

/** Those that are marked as being sent, by a daemon that is gone for instance, and are not among `underWay`. */
export async function requeueInterrupted(db: Db, now: number, underWay: readonly string[]): Promise<void> {
  let query = db
    .updateTable('webhook_deliveries')
    .set({ delivery_status: 'queued', next_attempt_at: now })
    .where('delivery_status', '=', 'in_progress')
  if (underWay.length > 0) query = query.where('id', 'not in', underWay)
  await query.execute()
}

export interface AttemptOutcome {
  readonly attemptedAt: number
  readonly durationMs: number
  readonly responseStatus: number | null
  readonly error: { readonly code: string; readonly message: string } | null
  /** Null: there is none. */
  readonly nextAttemptAt: number | null
}

/** One attempt and what follows from it. Comes to nothing when the webhook was deleted meanwhile. */
export async function noteAttempt(db: Db, { id, webhook_id, attempt_count }: DeliveryRow, outcome: AttemptOutcome): Promise<void> {
  const { attemptedAt, durationMs, responseStatus, error, nextAttemptAt } = outcome
  const status = error === null ? ('succeeded' as const) : nextAttemptAt === null ? ('dead_letter' as const) : ('queued' as const)
  await db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('webhook_deliveries')
      .set({
        delivery_status: status,
        attempt_count: attempt_count + 1,
        next_attempt_at: nextAttemptAt,
        last_attempt_at: attemptedAt,
        last_response_status: responseStatus,
        last_error: error?.message ?? null,
      })
      .where('id', '=', id)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    await tx
      .updateTable('webhooks')
      .set({ last_delivery_at: attemptedAt, last_delivery_status: status, last_error: error?.message ?? null })
      .where('id', '=', webhook_id)
      .execute()
    await tx
      .insertInto('webhook_attempts')
      .values({
        id: randomUUID(),
        delivery_id: id,
        attempt_number: attempt_count + 1,
        attempted_at: attemptedAt,
        duration_ms: durationMs,
        response_status: responseStatus,
        error_code: error?.code ?? null,
        error_message: error?.message ?? null,
      })
      .execute()
  })
}
