// Webhooks, what is to be posted to them, and what came of it.

import type { LifecycleOperation, LifecycleStatus } from '@nullspace/contract/events.ts'
import { randomUUID } from 'node:crypto'
import type { Insertable, Selectable } from 'kysely'
import type { Db, Tx } from '../db.ts'
import type { AttemptTable, DeliveryTable, WebhookTable } from '../schema.ts'

export type WebhookRow = Selectable<WebhookTable>
export type DeliveryRow = Selectable<DeliveryTable>
export type AttemptRow = Selectable<AttemptTable>

/** False when the owner has as many as it may. */
export async function insertWebhook(db: Db, row: Insertable<WebhookTable>, most: number): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { count } = await tx
      .selectFrom('webhooks')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('owner_id', '=', row.owner_id)
      .executeTakeFirstOrThrow()
    if (Number(count) >= most) return false
    await tx.insertInto('webhooks').values(row).execute()
    return true
  })
}

export async function findWebhook(db: Db, ownerId: string, id: string): Promise<WebhookRow | null> {
  return (await db.selectFrom('webhooks').selectAll().where('id', '=', id).where('owner_id', '=', ownerId).executeTakeFirst()) ?? null
}

export async function listWebhookRows(db: Db, ownerId: string): Promise<WebhookRow[]> {
  return db.selectFrom('webhooks').selectAll().where('owner_id', '=', ownerId).orderBy('created_at').orderBy('id').execute()
}

export type WebhookChange = Partial<Pick<WebhookTable, 'url' | 'operations' | 'signing_secret' | 'enabled'>> & {
  readonly updated_at: number
}

/** Returns it as it is then; null when the owner has none of this id. */
export async function updateWebhookRow(db: Db, ownerId: string, id: string, change: WebhookChange): Promise<WebhookRow | null> {
  return db.transaction().execute(async (tx) => {
    await tx.updateTable('webhooks').set(change).where('id', '=', id).where('owner_id', '=', ownerId).execute()
    return (await tx.selectFrom('webhooks').selectAll().where('id', '=', id).where('owner_id', '=', ownerId).executeTakeFirst()) ?? null
  })
}

/** With its deliveries and their attempts. */
export async function deleteWebhookRow(db: Db, ownerId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('webhooks').where('id', '=', id).where('owner_id', '=', ownerId).executeTakeFirst()
  return numDeletedRows > 0n
}

/** One delivery to each webhook that wants the event; part of the event’s own transaction, so that none is lost between the two. */
export async function queueDeliveries(
  tx: Db | Tx,
  event: { readonly id: string; readonly ownerId: string; readonly operation: LifecycleOperation; readonly status: LifecycleStatus },
  now: number,
): Promise<void> {
  const hooks = await tx
    .selectFrom('webhooks')
    .select(['id', 'operations'])
    .where('owner_id', '=', event.ownerId)
    .where('enabled', '=', 1)
    .execute()
  const wanting = hooks.filter(({ operations }) => (JSON.parse(operations) as string[]).includes(event.operation))
  if (wanting.length === 0) return
  await tx
    .insertInto('webhook_deliveries')
    .values(
      wanting.map((hook) => ({
        id: randomUUID(),
        webhook_id: hook.id,
        event_id: event.id,
        operation: event.operation,
        status: event.status,
        delivery_status: 'queued' as const,
        attempt_count: 0,
        created_at: now,
        next_attempt_at: now,
        last_attempt_at: null,
        last_response_status: null,
        last_error: null,
      })),
    )
    .execute()
}

export async function listDeliveryRows(db: Db, webhookId: string, page: { offset: number; limit: number }): Promise<DeliveryRow[]> {
  return db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page.offset)
    .limit(page.limit)
    .execute()
}

export async function findDelivery(db: Db, webhookId: string, id: string): Promise<DeliveryRow | null> {
  const query = db.selectFrom('webhook_deliveries').selectAll().where('id', '=', id).where('webhook_id', '=', webhookId)
  return (await query.executeTakeFirst()) ?? null
}

export async function listAttempts(db: Db, deliveryId: string): Promise<AttemptRow[]> {
  return db.selectFrom('webhook_attempts').selectAll().where('delivery_id', '=', deliveryId).orderBy('attempt_number').execute()
}

/** Keeps the newest `most` deliveries of each webhook; returns how many went. */
export async function trimDeliveries(db: Db, most: number): Promise<number> {
  const crowded = await db
    .selectFrom('webhook_deliveries')
    .select((eb) => ['webhook_id', eb.fn.countAll<number>().as('count')])
    .groupBy('webhook_id')
    .having((eb) => eb.fn.countAll(), '>', most)
    .execute()
  let removed = 0
  for (const { webhook_id, count } of crowded) {
    const oldest = db
      .selectFrom('webhook_deliveries')
      .select('id')
      .where('webhook_id', '=', webhook_id)
      .where('delivery_status', '!=', 'in_progress')
      .orderBy('created_at')
      .orderBy('id')
      .limit(Number(count) - most)
    const { numDeletedRows } = await db.deleteFrom('webhook_deliveries').where('id', 'in', oldest).executeTakeFirst()
    removed += Number(numDeletedRows)
  }
  return removed
}
