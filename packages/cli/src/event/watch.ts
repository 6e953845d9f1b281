import type { LifecycleEvent } from '@nullspace/contract/events.ts'
import { Lifecycle } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { jsonObject, pairs, text, whole } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { eventCells, kindOptions } from './page.ts'

const WIDTHS = [20, 20, 9, 24, 6]

export const eventWatch = defineCommand({
  path: 'event watch',
  summary: 'Show events as they happen, until Ctrl-C; goes on by itself after a lost connection.',
  options: {
    ...kindOptions,
    machineId: text('--machine-id <id>', 'Only of this machine'),
    snapshotId: text('--snapshot-id <id>', 'Only of this snapshot'),
    metadata: pairs('--metadata <K=V>', 'Only with this metadata of the event'),
    metadataJson: jsonObject('--metadata-json <object>', 'The same as a JSON object'),
    replayLimit: whole('--replay-limit <n>', 'Begin with the newest so many of the past, up to 1000 (default: 0)', 0),
    afterEventId: text('--after-event-id <id>', 'Begin with all that came after this event'),
    maxEvents: whole('--max-events <n>', 'End after so many'),
  },
  examples: [
    'nullspace event watch',
    'nullspace event watch --machine-id mch_abc --replay-limit 20',
    'nullspace event watch --operation timeout_expired --json',
  ],
  async run({ client, args, io, json }) {
    const { operation, status, machineId, snapshotId, metadata, metadataJson, replayLimit, afterEventId, maxEvents } = args
    const stream = Lifecycle.streamEvents({
      client,
      operation,
      status,
      machineId,
      snapshotId,
      metadata: metadata || metadataJson ? { ...metadataJson, ...metadata } : undefined,
      replayLimit,
      afterEventId,
      liveOnly: (replayLimit ?? 0) === 0 && afterEventId === undefined,
      signal: io.signal,
    })
    let count = 0
    for await (const one of stream) {
      // Sound: the names of the wire again, of what came by the wire.
      const event = toWire(one) as LifecycleEvent
      io.stdout.write(json ? `${JSON.stringify(event)}\n` : line(event))
      count += 1
      if (count === maxEvents) return
    }
  },
})

function line(event: LifecycleEvent): string {
  const cells = eventCells(event).map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
  return `${cells.join('  ').trimEnd()}\n`
}
