// Lifecycle webhooks: events posted to an address of the caller's.

import { z } from 'zod'
import { LifecycleEvent, LifecycleOperation, LifecycleStatus } from './events.ts'
import { NO_BODY, route } from './route.ts'

export const WEBHOOK_LIMITS = { perOwner: 50, urlBytes: 2048, secretBytes: { min: 8, max: 512 }, attempts: 8 } as const

const Url = z.url({ protocol: /^https?$/ }).max(WEBHOOK_LIMITS.urlBytes)
const Operations = z.array(LifecycleOperation).min(1)
const Secret = z.string().min(WEBHOOK_LIMITS.secretBytes.min).max(WEBHOOK_LIMITS.secretBytes.max)

export const DeliveryStatus = z.enum(['queued', 'in_progress', 'succeeded', 'dead_letter'])
export type DeliveryStatus = z.output<typeof DeliveryStatus>

export const WebhookInfo = z.object({
  id: z.uuid(),
  url: z.string(),
  operations: z.array(LifecycleOperation),
  enabled: z.boolean(),
  has_signing_secret: z.boolean(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  last_delivery_at: z.iso.datetime().optional(),
  last_delivery_status: DeliveryStatus.optional(),
  last_error: z.string().optional(),
})
export type WebhookInfo = z.output<typeof WebhookInfo>

export const DeliveryInfo = z.object({
  id: z.uuid(),
  webhook_id: z.uuid(),
  event_id: z.uuid(),
  operation: LifecycleOperation,
  status: LifecycleStatus,
  delivery_status: DeliveryStatus,
  attempt_count: z.number().int(),
  created_at: z.iso.datetime(),
  next_attempt_at: z.iso.datetime().optional(),
  last_attempt_at: z.iso.datetime().optional(),
  last_response_status: z.number().int().optional(),
  last_error: z.string().optional(),
})
export type DeliveryInfo = z.output<typeof DeliveryInfo>

export const DeliveryAttempt = z.object({
  id: z.uuid(),
  delivery_id: z.uuid(),
  attempt_number: z.number().int(),
  attempted_at: z.iso.datetime(),
  duration_ms: z.number().int(),
  response_status: z.number().int().optional(),
  error_code: z.string().optional(),
  error_message: z.string().optional(),
})
export type DeliveryAttempt = z.output<typeof DeliveryAttempt>

export const CreateWebhookBody = z.strictObject({
  url: Url,
  operations: Operations,
  signing_secret: Secret,
  enabled: z.boolean().default(true),
})
export const UpdateWebhookBody = z.strictObject({
  url: Url.optional(),
  operations: Operations.optional(),
  signing_secret: Secret.optional(),
  enabled: z.boolean().optional(),
})

export const WebhookParams = z.object({ id: z.string() })

export const createLifecycleWebhook = route({
  id: 'createLifecycleWebhook',
  method: 'POST',
  path: '/v1/lifecycle/webhooks',
  summary: 'Have events posted to an address; each post is signed with the secret, which is never shown again.',
  access: 'key',
  body: CreateWebhookBody,
  success: { status: 201, body: WebhookInfo },
  errors: ['invalid_request', 'unauthorized', 'quota_exceeded'],
})

export const listLifecycleWebhooks = route({
  id: 'listLifecycleWebhooks',
  method: 'GET',
  path: '/v1/lifecycle/webhooks',
  summary: 'List webhooks.',
  access: 'key',
  success: { status: 200, body: z.array(WebhookInfo) },
  errors: ['unauthorized'],
})

export const getLifecycleWebhook = route({
  id: 'getLifecycleWebhook',
  method: 'GET',
  path: '/v1/lifecycle/webhooks/{id}',
  summary: 'Read a webhook.',
  access: 'key',
  params: WebhookParams,
  success: { status: 200, body: WebhookInfo },
  errors: ['unauthorized', 'webhook_not_found'],
})

export const updateLifecycleWebhook = route({
  id: 'updateLifecycleWebhook',
  method: 'PATCH',
  path: '/v1/lifecycle/webhooks/{id}',
  summary: 'Change what is named; the rest stays.',
  access: 'key',
  params: WebhookParams,
  body: UpdateWebhookBody,
  success: { status: 200, body: WebhookInfo },
  errors: ['invalid_request', 'unauthorized', 'webhook_not_found'],
})

export const deleteLifecycleWebhook = route({
  id: 'deleteLifecycleWebhook',
  method: 'DELETE',
  path: '/v1/lifecycle/webhooks/{id}',
  summary: 'Delete a webhook with its deliveries.',
  access: 'key',
  params: WebhookParams,
  success: { status: 204, body: NO_BODY },
  errors: ['unauthorized', 'webhook_not_found'],
})

export const listLifecycleWebhookDeliveries = route({
  id: 'listLifecycleWebhookDeliveries',
  method: 'GET',
  path: '/v1/lifecycle/webhooks/{id}/deliveries',
  summary: 'List deliveries, newest first.',
  access: 'key',
  params: WebhookParams,
  query: z.strictObject({
    offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
    limit: z.coerce.number().int().min(1).max(100).default(50),
  }),
  success: { status: 200, body: z.array(DeliveryInfo) },
  errors: ['invalid_request', 'unauthorized', 'webhook_not_found'],
})

export const getLifecycleWebhookDelivery = route({
  id: 'getLifecycleWebhookDelivery',
  method: 'GET',
  path: '/v1/lifecycle/webhooks/{id}/deliveries/{delivery_id}',
  summary: 'Read a delivery with its event and every attempt.',
  access: 'key',
  params: WebhookParams.extend({ delivery_id: z.string() }),
  success: { status: 200, body: z.object({ delivery: DeliveryInfo, event: LifecycleEvent, attempts: z.array(DeliveryAttempt) }) },
  errors: ['unauthorized', 'webhook_not_found', 'delivery_not_found'],
})
