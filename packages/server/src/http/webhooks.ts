// /v1/lifecycle/webhooks.

import type { App } from '../app/context.ts'
import { createWebhook, deleteWebhook, getDelivery, getWebhook, listDeliveries, listWebhooks, updateWebhook } from '../app/webhooks.ts'
import type { Handlers } from './implement.ts'

type WebhookHandlers = Pick<
  Handlers,
  | 'createLifecycleWebhook'
  | 'listLifecycleWebhooks'
  | 'getLifecycleWebhook'
  | 'updateLifecycleWebhook'
  | 'deleteLifecycleWebhook'
  | 'listLifecycleWebhookDeliveries'
  | 'getLifecycleWebhookDelivery'
>

export function webhookHandlers(app: App): WebhookHandlers {
  return {
    createLifecycleWebhook: ({ principal, body }) => createWebhook(app, principal, body),
    listLifecycleWebhooks: ({ principal }) => listWebhooks(app, principal),
    getLifecycleWebhook: ({ principal, params }) => getWebhook(app, principal, params.id),
    updateLifecycleWebhook: ({ principal, params, body }) => updateWebhook(app, principal, params.id, body),
    async deleteLifecycleWebhook({ principal, params }) {
      await deleteWebhook(app, principal, params.id)
      return undefined
    },
    listLifecycleWebhookDeliveries: ({ principal, params, query }) => listDeliveries(app, principal, params.id, query),
    getLifecycleWebhookDelivery: ({ principal, params }) => getDelivery(app, principal, params.id, params.delivery_id),
  }
}
