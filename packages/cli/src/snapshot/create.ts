import { createSnapshot } from '@nullspace/contract/snapshots.ts'
import { defineCommand } from '../core/command.ts'
import { argument, text } from '../core/options.ts'
import { size } from '../core/table.ts'

export const snapshotCreate = defineCommand({
  path: 'snapshot create',
  summary: 'Take a snapshot that any number of machines can be made of; the machine goes on.',
  args: { machineId: argument('machine-id', 'Machine to take it of, running or paused') },
  options: { idempotencyKey: text('--idempotency-key <key>', 'Makes repeats of this command give the same snapshot') },
  examples: [
    'nullspace snapshot create mch_abc',
    'SNAP=$(nullspace snapshot create mch_abc) && nullspace machine create --snapshot-id $SNAP',
  ],
  run({ client, args: { machineId, idempotencyKey }, io, json, note }) {
    if (!json) note(`taking a snapshot of ${machineId}`)
    return client.call(createSnapshot, { params: { id: machineId } }, { signal: io.signal, idempotencyKey })
  },
  render({ id, size_bytes }, { io, note }) {
    io.stdout.write(`${id}\n`)
    note(`${size(size_bytes)} of its own`)
  },
})
