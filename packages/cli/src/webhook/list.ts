import { listLifecycleWebhooks } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { table } from '../core/table.ts'

export const webhookList = defineCommand({
  path: 'webhook list',
  summary: 'List webhooks.',
  examples: ['nullspace webhook list', 'nullspace webhook list --json'],
  run: ({ client, io }) => client.call(listLifecycleWebhooks, {}, { signal: io.signal }),
  render(webhooks, { io, note }) {
    if (webhooks.length === 0) return note('no webhooks')
    const rows = webhooks.map(({ id, url, operations, enabled, last_delivery_status }) => [
      id,
      url,
      operations.length,
      enabled ? 'yes' : 'no',
      last_delivery_status ?? '-',
    ])
    io.stdout.write(table(['id', 'url', 'operations', 'enabled', 'last delivery'], rows))
  },
})
