import { collectGarbage } from '@nullspace/contract/garbage.ts'
import { defineCommand } from '../core/command.ts'
import { flag } from '../core/options.ts'
import { size, table } from '../core/table.ts'

export const gc = defineCommand({
  path: 'gc',
  summary: 'Remove files of the host’s pool that nothing refers to any more. Needs an operator’s key.',
  options: { dryRun: flag('--dry-run', 'Only show what would go, and why') },
  examples: ['nullspace gc --dry-run', 'nullspace gc --json'],
  run({ client, args: { dryRun = false }, io, json, note }) {
    if (!json) note('looking for what nothing refers to')
    return client.call(collectGarbage, { body: { dry_run: dryRun } }, { signal: io.signal })
  },
  render({ dry_run, items }, { io, note }) {
    if (items.length === 0) return note('nothing to remove')
    const rows = items.map(({ kind, name, bytes, reason }) => [kind, name, size(bytes), reason])
    io.stdout.write(table(['kind', 'name', 'size', 'why'], rows))
    const total = size(items.reduce((sum, { bytes }) => sum + bytes, 0))
    const count = items.length === 1 ? 'one item' : `${items.length} items`
    note(dry_run ? `${count}, ${total}: nothing was removed; without --dry-run they go` : `${count}, ${total} removed`)
  },
})
