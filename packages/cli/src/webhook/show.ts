import type { WebhookInfo } from '@nullspace/contract/webhooks.ts'
import type { Context } from '../core/command.ts'
import { facts } from '../core/table.ts'

export function showWebhook(webhook: WebhookInfo, { io }: Pick<Context<unknown>, 'io'>): void {
  io.stdout.write(
    facts([
      ['id', webhook.id],
      ['url', webhook.url],
      ['operations', webhook.operations.join(', ')],
      ['enabled', webhook.enabled ? 'yes' : 'no'],
      ['created', webhook.created_at],
      ['updated', webhook.updated_at],
      ['last delivery', webhook.last_delivery_at],
      ['with', webhook.last_delivery_status],
      ['last error', webhook.last_error],
    ]),
  )
}
