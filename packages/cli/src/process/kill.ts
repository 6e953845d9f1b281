import { Commands } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { argument, text } from '../core/options.ts'
import { pidArgument, pidOf } from './pid.ts'

export const processKill = defineCommand({
  path: 'machine process kill',
  summary: 'End a process and its group, or send them a signal.',
  args: { id: argument('id', 'Machine id'), pid: pidArgument },
  options: { signal: text('--signal <name>', 'Signal by name or number (default: KILL, which waits until it is gone)') },
  examples: ['nullspace machine process kill mch_abc 412', 'nullspace machine process kill mch_abc 412 --signal TERM'],
  async run({ client, args: { id, signal, ...args }, io }) {
    const pid = pidOf(args.pid)
    await new Commands(client, id).kill(pid, signal, { signal: io.signal })
    return { pid, signal: signal ?? 'KILL' }
  },
  render: ({ pid, signal }, { io }) => io.stdout.write(`sent ${signal} to ${pid}\n`),
})
