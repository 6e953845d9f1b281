import { listLifecycleWebhookDeliveries } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { argument, whole } from '../core/options.ts'
import { moment, table } from '../core/table.ts'

export const webhookDeliveries = defineCommand({
  path: 'webhook deliveries',
  summary: 'List a webhook’s deliveries, newest first.',
  args: { id: argument('id', 'Webhook id') },
  options: {
    limit: whole('--limit <n>', 'At most so many, 1 to 100 (default: 50)'),
    offset: whole('--offset <n>', 'Pass over so many first', 0),
  },
  examples: ['nullspace webhook deliveries 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11 --limit 10'],
  run({ client, args: { id, limit, offset }, io }) {
    const query = { ...(limit !== undefined && { limit }), ...(offset !== undefined && { offset }) }
    return client.call(listLifecycleWebhookDeliveries, { params: { id }, query }, { signal: io.signal })
  },
  render(deliveries, { io, note }) {
    if (deliveries.length === 0) return note('no deliveries')
    const rows = deliveries.map((one) => [
      one.id,
      moment(one.created_at),
      `${one.operation} ${one.status}`,
      one.delivery_status,
      one.attempt_count,
      one.last_error ?? one.last_response_status ?? '-',
    ])
    io.stdout.write(table(['id', 'time', 'event', 'delivery', 'attempts', 'last answer'], rows))
  },
})
