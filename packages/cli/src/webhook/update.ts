import { updateLifecycleWebhook } from '@nullspace/contract/webhooks.ts'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, text, toggle } from '../core/options.ts'
import { operationOption } from './operations.ts'
import { givenSecret } from './secret.ts'
import { showWebhook } from './show.ts'

export const webhookUpdate = defineCommand({
  path: 'webhook update',
  summary: 'Change what is named of a webhook; the rest stays.',
  args: { id: argument('id', 'Webhook id') },
  options: {
    url: text('--url <url>', 'Where to, http or https'),
    operations: operationOption('all of them anew'),
    secret: text('--signing-secret <->', 'Only "-": read a new secret from standard input'),
    enabled: toggle('enabled', 'Post again'),
  },
  examples: [
    'nullspace webhook update 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11 --no-enabled',
    'nullspace webhook update 2f6b0f0e-52a5-4b0a-8f2b-0c1d5d1f7a11 --signing-secret - < secret.txt',
  ],
  async run(context) {
    const { client, args, io } = context
    const signing_secret = await givenSecret(context)
    const body = {
      ...(args.url !== undefined && { url: args.url }),
      ...(args.operations && { operations: args.operations }),
      ...(signing_secret !== undefined && { signing_secret }),
      ...(args.enabled !== undefined && { enabled: args.enabled }),
    }
    if (Object.keys(body).length === 0) throw usageError('nothing to change', 'Name what is to change, e.g. --no-enabled.')
    return client.call(updateLifecycleWebhook, { params: { id: args.id }, body }, { signal: io.signal })
  },
  render: showWebhook,
})
