import { getLifecycleWebhookDelivery } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { facts, moment, table } from '../core/table.ts'

export const webhookDelivery = defineCommand({
  path: 'webhook delivery',
  summary: 'Show a delivery with its event and every attempt.',
  args: { id: argument('id', 'Webhook id'), deliveryId: argument('delivery-id', 'Delivery id') },
  examples: ['nullspace webhook delivery 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11 91c3d2aa-0f1e-4f60-9d8e-5b1a7c2d3e44'],
  run: ({ client, args: { id, deliveryId }, io }) =>
    client.call(getLifecycleWebhookDelivery, { params: { id, delivery_id: deliveryId } }, { signal: io.signal }),
  render({ delivery, event, attempts }, { io }) {
    io.stdout.write(
      facts([
        ['id', delivery.id],
        ['event', `${event.operation} ${event.status}, ${event.id}`],
        ['of', event.machine_id ?? event.snapshot_id],
        ['delivery', delivery.delivery_status],
        ['next attempt', delivery.next_attempt_at],
      ]),
    )
    if (attempts.length === 0) return
    const rows = attempts.map((one) => [
      one.attempt_number,
      moment(one.attempted_at),
      `${one.duration_ms} ms`,
      one.response_status ?? '-',
      one.error_message ?? one.error_code ?? '-',
    ])
    io.stdout.write(`\n${table(['attempt', 'time', 'took', 'status', 'error'], rows)}`)
  },
})
