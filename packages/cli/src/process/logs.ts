import { getProcessLogs } from '@nullspace/contract/processes.ts'
import { defineCommand } from '../core/command.ts'
import { argument, flag } from '../core/options.ts'
import { follow, noteLost } from './follow.ts'
import { pidArgument, pidOf } from './pid.ts'

export const processLogs = defineCommand({
  path: 'machine process logs',
  summary: 'Show what a process has printed: the first 1 MiB, its stdout on stdout and its stderr on stderr.',
  args: { id: argument('id', 'Machine id'), pid: pidArgument },
  options: {
    follow: flag('-f, --follow', 'Go on with what it prints, until it ends or Ctrl-C; with --json one line per piece'),
  },
  examples: [
    'nullspace machine process logs mch_abc 412',
    'nullspace machine process logs mch_abc 412 --follow',
    'nullspace machine process logs mch_abc 412 --json',
  ],
  async run(context) {
    const { client, args, io } = context
    const { id } = args
    const pid = pidOf(args.pid)
    if (!args.follow) return client.call(getProcessLogs, { params: { id, pid } }, { signal: io.signal })
    await follow(context, { id, pid, input: false })
    return undefined
  },
  render(logs, { io, note }) {
    if (logs === undefined) return
    io.stdout.write(logs.stdout)
    io.stderr.write(logs.stderr)
    noteLost(logs.dropped_bytes ?? 0, note)
  },
})
