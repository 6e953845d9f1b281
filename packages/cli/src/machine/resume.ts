import { resumeMachine } from '@nullspace/contract/lifecycle.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { duration } from '../core/table.ts'

export const machineResume = defineCommand({
  path: 'machine resume',
  summary: 'Resume a paused machine under its own id; memory, processes and files go on.',
  args: { id: argument('id', 'Machine id') },
  examples: ['nullspace machine resume mch_abc'],
  run({ client, args: { id }, io, json, note }) {
    if (!json) note(`resuming ${id}`)
    return client.call(resumeMachine, { params: { id } }, { signal: io.signal })
  },
  render({ id, status, remaining_ms }, { io }) {
    io.stdout.write(`${status} ${id}${remaining_ms === undefined ? '' : `, ${duration(remaining_ms)} left`}\n`)
  },
})
