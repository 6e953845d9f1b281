import { getLifecycleWebhook } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { showWebhook } from './show.ts'

export const webhookGet = defineCommand({
  path: 'webhook get',
  summary: 'Show a webhook; never its secret.',
  args: { id: argument('id', 'Webhook id') },
  examples: ['nullspace webhook get 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11'],
  run: ({ client, args: { id }, io }) => client.call(getLifecycleWebhook, { params: { id } }, { signal: io.signal }),
  render: showWebhook,
})
