import { getSnapshot } from '@nullspace/contract/snapshots.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { facts, moment, size } from '../core/table.ts'

export const snapshotGet = defineCommand({
  path: 'snapshot get',
  summary: 'Show a snapshot.',
  args: { id: argument('id', 'Snapshot id') },
  examples: ['nullspace snapshot get snap_abc'],
  run: ({ client, args: { id }, io }) => client.call(getSnapshot, { params: { id } }, { signal: io.signal }),
  render: ({ id, machine_id, size_bytes, created_at, metadata }, { io }) =>
    io.stdout.write(
      facts([
        ['id', id],
        ['machine', machine_id],
        ['size', size(size_bytes)],
        ['taken', moment(created_at)],
        ['metadata', metadata && JSON.stringify(metadata)],
      ]),
    ),
})
