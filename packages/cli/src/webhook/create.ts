import { LIFECYCLE_OPERATIONS } from '@nullspace/contract/events.ts'
import { createLifecycleWebhook } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag, text } from '../core/options.ts'
import { operationOption } from './operations.ts'
import { neededSecret, secretOption } from './secret.ts'

export const webhookCreate = defineCommand({
  path: 'webhook create',
  summary: 'Have events posted to an address, each signed with a secret.',
  options: {
    url: text('--url <url>', 'Where to, http or https (required)'),
    operations: operationOption('default: of all'),
    secret: secretOption,
    disabled: flag('--disabled', 'Do not post yet'),
  },
  examples: [
    'nullspace webhook create --url https://hooks.example.com/machines --signing-secret - < secret.txt',
    'nullspace webhook create --url https://hooks.example.com/machines --operation create --operation destroy',
  ],
  async run(context) {
    const { client, args, io } = context
    if (args.url === undefined) throw usageError('--url is missing')
    const signing_secret = await neededSecret(context)
    const operations = args.operations ?? [...LIFECYCLE_OPERATIONS]
    const body = { url: args.url, operations, signing_secret, ...(args.disabled && { enabled: false }) }
    return client.call(createLifecycleWebhook, { body }, { signal: io.signal })
  },
  render({ id, url }, { io, note }) {
    io.stdout.write(`${id}\n`)
    note(`events go to ${url}; the secret cannot be shown again`)
  },
})
