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

/** One delivery to each webhook that wants the event, and how many; part of the event’s own transaction, so that none is lost between the two. */
export async function queueDeliveries(
  tx: Db | Tx,
  event: { readonly id: string; readonly ownerId: string; readonly operation: LifecycleOperation; readonly status: LifecycleStatus },
  now: number,
): Promise<number> {
  const hooks = await tx
    .selectFrom('webhooks')
    .select(['id', 'operations'])
    .where('owner_id', '=', event.ownerId)
    .where('enabled', '=', 1)
    .execute()
  const wanting = hooks.filter(({ operations }) => (JSON.parse(operations) as string[]).includes(event.operation))
  if (wanting.length === 0) return 0
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
  return wanting.length
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

/** What came of it, when a webhook had more waiting than is kept. */
const OVERFLOW = 'More deliveries waited for this webhook than are kept.'

const WAITING = ['queued', 'in_progress'] as const
const DONE = ['succeeded', 'dead_letter'] as const

/** Of more than `most` deliveries of a webhook, the oldest that are done with go. At most `limit` at once; returns how many. */
export async function dropDeliveries(db: Db, webhookId: string, { most, limit }: { most: number; limit: number }): Promise<number> {
  const excess = (await countDeliveries(db, webhookId, [...WAITING, ...DONE])) - most
  if (excess <= 0) return 0
  const doomed = oldest(db, webhookId, DONE, Math.min(limit, excess))
  const { numDeletedRows } = await db.deleteFrom('webhook_deliveries').where('id', 'in', doomed).executeTakeFirst()
  return Number(numDeletedRows)
}

/** Of more than `most` that wait, the oldest are given up. They can be seen until they are dropped. */
export async function giveUpDeliveries(db: Db, webhookId: string, { most, limit }: { most: number; limit: number }): Promise<number> {
  const excess = (await countDeliveries(db, webhookId, WAITING)) - most
  if (excess <= 0) return 0
  const { numUpdatedRows } = await db
    .updateTable('webhook_deliveries')
    .set({ delivery_status: 'dead_letter', next_attempt_at: null, last_error: OVERFLOW })
    .where('id', 'in', oldest(db, webhookId, ['queued'], Math.min(limit, excess)))
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

async function countDeliveries(db: Db, webhookId: string, statuses: readonly DeliveryRow['delivery_status'][]): Promise<number> {
  const { count } = await db
    .selectFrom('webhook_deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('webhook_id', '=', webhookId)
    .where('delivery_status', 'in', statuses)
    .executeTakeFirstOrThrow()
  return Number(count)
}

function oldest(db: Db, webhookId: string, statuses: readonly DeliveryRow['delivery_status'][], count: number) {
  return db
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('webhook_id', '=', webhookId)
    .where('delivery_status', 'in', statuses)
    .orderBy('created_at')
    .orderBy('id')
    .limit(count)
}
