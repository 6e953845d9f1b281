import { hibernateMachine } from '@nullspace/contract/lifecycle.ts'
import { defineCommand, type Command } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { size } from '../core/table.ts'

const pauseAs = (path: string, summary: string): Command =>
  defineCommand({
    path,
    summary,
    args: { id: argument('id', 'Machine id') },
    examples: [`nullspace ${path} mch_abc`],
    run({ client, args: { id }, io, json, note }) {
      if (!json) note(`pausing ${id}: its memory is being saved`)
      return client.call(hibernateMachine, { params: { id } }, { signal: io.signal })
    },
    render({ id, machine_id, size_bytes }, { io, note }) {
      io.stdout.write(`paused ${machine_id}\n`)
      note(`snapshot ${id}, ${size(size_bytes)}; "nullspace machine resume ${machine_id}" lets it go on`)
    },
  })

export const machinePause = pauseAs(
  'machine pause',
  'Pause a machine: memory and disk are saved, its VM ends; resume lets its processes go on.',
)
export const machineHibernate = pauseAs('machine hibernate', 'The same as pause, in the word of the API.')
