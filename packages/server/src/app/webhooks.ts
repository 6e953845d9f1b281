// Webhooks: whom to tell. What is told is written by the outbox and sent by a reconciler.

import { AppError } from '@nullspace/contract/errors.ts'
import {
  type CreateWebhookBody,
  type DeliveryAttempt,
  type DeliveryInfo,
  type UpdateWebhookBody,
  WEBHOOK_LIMITS,
  type WebhookInfo,
} from '@nullspace/contract/webhooks.ts'
import type { LifecycleEvent, LifecycleOperation } from '@nullspace/contract/events.ts'
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { Principal } from '../domain/principal.ts'
import { findEvent } from '../store/tables/events.ts'
import {
  type AttemptRow,
  deleteWebhookRow,
  type DeliveryRow,
  findDelivery,
  findWebhook,
  insertWebhook,
  listAttempts,
  listDeliveryRows,
  listWebhookRows,
  updateWebhookRow,
  type WebhookRow,
} from '../store/tables/webhooks.ts'
import type { App } from './context.ts'
import { eventView } from './events.ts'
import { isAllowedTarget, literalAddress } from './webhook-target.ts'

export async function createWebhook(app: App, principal: Principal, input: z.output<typeof CreateWebhookBody>): Promise<WebhookInfo> {
  const now = app.clock.now()
  const row = {
    id: randomUUID(),
    owner_id: principal.ownerId,
    url: checkedUrl(app, input.url),
    operations: operationsOf(input.operations),
    signing_secret: input.signing_secret,
    enabled: input.enabled ? (1 as const) : (0 as const),
    created_at: now,
    updated_at: now,
    last_delivery_at: null,
    last_delivery_status: null,
    last_error: null,
  }
  if (await insertWebhook(app.db, row, WEBHOOK_LIMITS.perOwner)) return webhookView(row)
  throw new AppError('quota_exceeded', { say: `There may be ${WEBHOOK_LIMITS.perOwner} webhooks; delete one that is not needed.` })
}

export async function listWebhooks(app: App, { ownerId }: Principal): Promise<WebhookInfo[]> {
  return (await listWebhookRows(app.db, ownerId)).map(webhookView)
}

export async function getWebhook(app: App, principal: Principal, id: string): Promise<WebhookInfo> {
  return webhookView(await theWebhook(app, principal, id))
}

/** Disabling holds back what is queued; it goes out when the webhook is enabled again. */
export async function updateWebhook(
  app: App,
  { ownerId }: Principal,
  id: string,
  { url, operations, signing_secret, enabled }: z.output<typeof UpdateWebhookBody>,
): Promise<WebhookInfo> {
  const change = {
    ...(url === undefined ? {} : { url: checkedUrl(app, url) }),
    ...(operations === undefined ? {} : { operations: operationsOf(operations) }),
    ...(signing_secret === undefined ? {} : { signing_secret }),
    ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
  }
  const row = await updateWebhookRow(app.db, ownerId, id, { ...change, updated_at: app.clock.now() })
  if (!row) throw noWebhook(id)
  return webhookView(row)
}

export async function deleteWebhook(app: App, { ownerId }: Principal, id: string): Promise<void> {
  if (!(await deleteWebhookRow(app.db, ownerId, id))) throw noWebhook(id)
}

export async function listDeliveries(
  app: App,
  principal: Principal,
  webhookId: string,
  page: { offset: number; limit: number },
): Promise<DeliveryInfo[]> {
  const { id } = await theWebhook(app, principal, webhookId)
  return (await listDeliveryRows(app.db, id, page)).map(deliveryView)
}

export async function getDelivery(
  app: App,
  principal: Principal,
  webhookId: string,
  deliveryId: string,
): Promise<{ delivery: DeliveryInfo; event: LifecycleEvent; attempts: DeliveryAttempt[] }> {
  const { id } = await theWebhook(app, principal, webhookId)
  const delivery = await findDelivery(app.db, id, deliveryId)
  const event = delivery && (await findEvent(app.db, delivery.event_id))
  if (!event) throw new AppError('delivery_not_found', { say: `This webhook has no delivery ${deliveryId.slice(0, 80)}.` })
  return { delivery: deliveryView(delivery), event: eventView(event), attempts: (await listAttempts(app.db, delivery.id)).map(attemptView) }
}

async function theWebhook(app: App, { ownerId }: Principal, id: string): Promise<WebhookRow> {
  const row = await findWebhook(app.db, ownerId, id)
  if (!row) throw noWebhook(id)
  return row
}

/** Also for what is another owner's: that it exists is not told. */
function noWebhook(id: string): AppError {
  return new AppError('webhook_not_found', { say: `There is no webhook ${id.slice(0, 80)}.` })
}

/** A name is looked at when it is resolved, at each delivery. */
function checkedUrl(app: App, text: string): string {
  const refuse = (what: string): AppError =>
    new AppError('invalid_request', { say: `url: ${what}.`, details: { in: 'body', field: 'url' } })
  if (!URL.canParse(text)) throw refuse('is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('must begin with https:// or http://')
  if (url.username !== '' || url.password !== '') throw refuse('must not hold a user name or password; check the signature instead')
  const address = literalAddress(url)
  if (address !== null && !app.webhookPrivateTargets && !isAllowedTarget(address))
    throw refuse('must be on the public internet; the operator can allow others (webhook_private_targets)')
  // As it was read, so that what is shown is what is posted to.
  return url.href
}

const operationsOf = (operations: readonly LifecycleOperation[]): string => JSON.stringify([...new Set(operations)])

function webhookView(row: WebhookRow): WebhookInfo {
  return {
    id: row.id,
    url: row.url,
    operations: JSON.parse(row.operations) as LifecycleOperation[],
    enabled: row.enabled === 1,
    has_signing_secret: row.signing_secret !== '',
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    ...(row.last_delivery_at === null ? {} : { last_delivery_at: iso(row.last_delivery_at) }),
    ...(row.last_delivery_status === null ? {} : { last_delivery_status: row.last_delivery_status }),
    ...(row.last_error === null ? {} : { last_error: row.last_error }),
  }
}

function deliveryView(row: DeliveryRow): DeliveryInfo {
  return {
    id: row.id,
    webhook_id: row.webhook_id,
    event_id: row.event_id,
    operation: row.operation,
    status: row.status,
    delivery_status: row.delivery_status,
    attempt_count: row.attempt_count,
    created_at: iso(row.created_at),
    ...(row.next_attempt_at === null ? {} : { next_attempt_at: iso(row.next_attempt_at) }),
    ...(row.last_attempt_at === null ? {} : { last_attempt_at: iso(row.last_attempt_at) }),
    ...(row.last_response_status === null ? {} : { last_response_status: row.last_response_status }),
    ...(row.last_error === null ? {} : { last_error: row.last_error }),
  }
}

function attemptView(row: AttemptRow): DeliveryAttempt {
  return {
    id: row.id,
    delivery_id: row.delivery_id,
    attempt_number: row.attempt_number,
    attempted_at: iso(row.attempted_at),
    duration_ms: row.duration_ms,
    ...(row.response_status === null ? {} : { response_status: row.response_status }),
    ...(row.error_code === null ? {} : { error_code: row.error_code }),
    ...(row.error_message === null ? {} : { error_message: row.error_message }),
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()
