import { listKeys } from '@nullspace/contract/keys.ts'
import { defineCommand } from '../core/command.ts'
import { table } from '../core/table.ts'

export const keyList = defineCommand({
  path: 'key list',
  summary: 'List API keys: all for an operator, else those of your owner.',
  examples: ['nullspace key list', 'nullspace key list --json'],
  run: ({ client, io }) => client.call(listKeys, {}, { signal: io.signal }),
  render(keys, { io, note }) {
    if (keys.length === 0) return note('no keys')
    const rows = keys.map(({ id, prefix, name, scope, owner, is_active, last_used_at }) => [
      id,
      `${prefix}…`,
      name ?? '-',
      scope,
      owner,
      is_active ? 'active' : 'revoked',
      last_used_at ?? 'never',
    ])
    io.stdout.write(table(['id', 'key', 'name', 'scope', 'owner', 'state', 'last used'], rows))
  },
})
