import { revokeKey } from '@nullspace/contract/keys.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'

export const keyRevoke = defineCommand({
  path: 'key revoke',
  summary: 'Revoke an API key; it stops working at once.',
  args: { id: argument('id', 'Id of the key, as "nullspace key list" shows it') },
  examples: ['nullspace key revoke 7d9f3c52-6a0e-4a57-9a55-0f8f3f5d1c11'],
  async run({ client, args: { id }, io }) {
    await client.call(revokeKey, { params: { id } }, { signal: io.signal })
    return { id, revoked: true }
  },
  render: ({ id }, { io }) => io.stdout.write(`revoked ${id}\n`),
})
