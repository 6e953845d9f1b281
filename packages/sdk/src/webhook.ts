// Webhooks: lifecycle events posted to an address of the caller's, each signed with the webhook's secret.

import type { RouteInput } from '@nullspace/contract/route.ts'
import {
  DeliveryInfo as WireDeliveryInfo,
  WebhookInfo as WireWebhookInfo,
  createLifecycleWebhook,
  deleteLifecycleWebhook,
  getLifecycleWebhook,
  getLifecycleWebhookDelivery,
  listLifecycleWebhookDeliveries,
  listLifecycleWebhooks,
  updateLifecycleWebhook,
} from '@nullspace/contract/webhooks.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

type Body = RouteInput<typeof createLifecycleWebhook>

export type WebhookInfo = Camel<WireWebhookInfo>
export type WebhookDelivery = Camel<WireDeliveryInfo>
/** A delivery with its event and every attempt. */
export type WebhookDeliveryDetail = Camel<(typeof getLifecycleWebhookDelivery)['success']['body']['_zod']['output']>

export interface WebhookOptions {
  /** http or https; private addresses only where the daemon's operator allows them. */
  readonly url: Body['url']
  readonly operations: Body['operations']
  /** Never shown again. Give it to `verifyWebhookSignature` where the posts arrive. */
  readonly signingSecret: Body['signing_secret']
  /** Default true. */
  readonly enabled?: boolean | undefined
}

export interface ListDeliveriesOptions extends Connection {
  readonly offset?: number | undefined
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined
}

export const Webhook = {
  /** @throws MachineError `invalid_request`, QuotaExceededError */
  async create(options: WebhookOptions & Connection): Promise<WebhookInfo> {
    const { url, operations, signingSecret, enabled } = options
    const body = { url, operations: [...operations], signing_secret: signingSecret, ...(enabled === undefined ? {} : { enabled }) }
    return fromWire(WireWebhookInfo, await Client.of(options).call(createLifecycleWebhook, { body }, options))
  },

  async list(options: Connection = {}): Promise<WebhookInfo[]> {
    const webhooks = await Client.of(options).call(listLifecycleWebhooks, {}, options)
    return webhooks.map((webhook) => fromWire(WireWebhookInfo, webhook))
  },

  /** @throws NotFoundError `webhook_not_found` */
  async get(id: string, options: Connection = {}): Promise<WebhookInfo> {
    return fromWire(WireWebhookInfo, await Client.of(options).call(getLifecycleWebhook, { params: { id } }, options))
  },

  /** Changes what is named; the rest stays. @throws NotFoundError, MachineError `invalid_request` */
  async update(id: string, changes: Partial<WebhookOptions>, options: Connection = {}): Promise<WebhookInfo> {
    const { url, operations, signingSecret, enabled } = changes
    const body = {
      ...(url === undefined ? {} : { url }),
      ...(operations === undefined ? {} : { operations: [...operations] }),
      ...(signingSecret === undefined ? {} : { signing_secret: signingSecret }),
      ...(enabled === undefined ? {} : { enabled }),
    }
    return fromWire(WireWebhookInfo, await Client.of(options).call(updateLifecycleWebhook, { params: { id }, body }, options))
  },

  /** With its deliveries. @throws NotFoundError */
  async delete(id: string, options: Connection = {}): Promise<void> {
    await Client.of(options).call(deleteLifecycleWebhook, { params: { id } }, options)
  },

  /** Newest first. @throws NotFoundError */
  async listDeliveries(id: string, options: ListDeliveriesOptions = {}): Promise<WebhookDelivery[]> {
    const query = {
      ...(options.offset === undefined ? {} : { offset: options.offset }),
      ...(options.limit === undefined ? {} : { limit: options.limit }),
    }
    const deliveries = await Client.of(options).call(listLifecycleWebhookDeliveries, { params: { id }, query }, options)
    return deliveries.map((delivery) => fromWire(WireDeliveryInfo, delivery))
  },

  /** @throws NotFoundError `webhook_not_found`, `delivery_not_found` */
  async getDelivery(id: string, deliveryId: string, options: Connection = {}): Promise<WebhookDeliveryDetail> {
    const params = { id, delivery_id: deliveryId }
    return fromWire(
      getLifecycleWebhookDelivery.success.body,
      await Client.of(options).call(getLifecycleWebhookDelivery, { params }, options),
    )
  },
}
