import { deleteSnapshot } from '@nullspace/contract/snapshots.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'

export const snapshotDelete = defineCommand({
  path: 'snapshot delete',
  summary: 'Delete a snapshot; machines that were made from it go on.',
  args: { id: argument('id', 'Snapshot id') },
  examples: ['nullspace snapshot delete snap_abc'],
  async run({ client, args: { id }, io }) {
    await client.call(deleteSnapshot, { params: { id } }, { signal: io.signal })
    return { id, deleted: true }
  },
  render: ({ id }, { io }) => io.stdout.write(`deleted ${id}\n`),
})
