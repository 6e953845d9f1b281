import { deleteLifecycleWebhook } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'

export const webhookDelete = defineCommand({
  path: 'webhook delete',
  summary: 'Delete a webhook with its deliveries.',
  args: { id: argument('id', 'Webhook id') },
  examples: ['nullspace webhook delete 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11'],
  async run({ client, args: { id }, io }) {
    await client.call(deleteLifecycleWebhook, { params: { id } }, { signal: io.signal })
    return { id, deleted: true }
  },
  render: ({ id }, { io }) => io.stdout.write(`deleted ${id}\n`),
})
