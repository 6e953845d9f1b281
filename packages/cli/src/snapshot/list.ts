import { listSnapshots } from '@nullspace/contract/snapshots.ts'
import { defineCommand } from '../core/command.ts'
import { jsonObject, pairs, text } from '../core/options.ts'
import { moment, size, table } from '../core/table.ts'

export const snapshotList = defineCommand({
  path: 'snapshot list',
  summary: 'List snapshots, newest first.',
  options: {
    machineId: text('--machine-id <id>', 'Only of this machine'),
    metadata: pairs('--metadata <K=V>', 'Only of machines with this metadata'),
    metadataJson: jsonObject('--metadata-json <object>', 'The same as a JSON object'),
  },
  examples: ['nullspace snapshot list', 'nullspace snapshot list --machine-id mch_abc --json'],
  run({ client, args: { machineId, metadata, metadataJson }, io }) {
    const query = {
      ...(machineId !== undefined && { machine_id: machineId }),
      ...((metadata || metadataJson) && { metadata: JSON.stringify({ ...metadataJson, ...metadata }) }),
    }
    return client.call(listSnapshots, { query }, { signal: io.signal })
  },
  render(snapshots, { io, note }) {
    if (snapshots.length === 0) return note('no snapshots')
    const rows = snapshots.map(({ id, machine_id, size_bytes, created_at }) => [id, machine_id, size(size_bytes), moment(created_at)])
    io.stdout.write(table(['id', 'machine', 'size', 'taken'], rows))
  },
})
