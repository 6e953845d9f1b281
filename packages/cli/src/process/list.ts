import { listProcesses } from '@nullspace/contract/processes.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { table } from '../core/table.ts'
import { oneLine } from '../core/text.ts'

export const processList = defineCommand({
  path: 'machine process list',
  summary: 'List processes that were started with exec, in the order of their start, with those that have ended.',
  args: { id: argument('id', 'Machine id') },
  examples: ['nullspace machine process list mch_abc', 'nullspace machine process list mch_abc --json'],
  run: ({ client, args, io }) => client.call(listProcesses, { params: { id: args.id } }, { signal: io.signal }),
  render(processes, { io, note }) {
    if (processes.length === 0) return note('no processes')
    const rows = processes.map(({ pid, running, command }) => [pid, running ? 'running' : 'ended', shortened(oneLine(command))])
    io.stdout.write(table(['pid', 'state', 'command'], rows))
  },
})

const LONGEST = 100

const shortened = (line: string): string => (line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line)
