import { Commands } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { argument, flag } from '../core/options.ts'
import { asLines, endOf, noteLost, onOurs } from './follow.ts'
import { pidArgument, pidOf } from './pid.ts'

export const processAttach = defineCommand({
  path: 'machine process attach',
  summary: 'Show what a process prints, from the beginning, and exit with its exit code; Ctrl-C leaves it running.',
  args: { id: argument('id', 'Machine id'), pid: pidArgument },
  options: { stdin: flag('--stdin', 'Pass standard input on, and its end') },
  examples: [
    'nullspace machine process attach mch_abc 412',
    'nullspace machine process attach mch_abc 412 --stdin < answers.txt',
    'nullspace machine process attach mch_abc 412 --json',
  ],
  async run({ client, args, io, json, note }) {
    const listeners = json ? asLines(io) : onOurs(io)
    const handle = await new Commands(client, args.id).connect(pidOf(args.pid), { ...listeners, signal: io.signal })
    try {
      const result = await endOf(handle, { io, note }, args.stdin === true)
      if (json) io.stdout.write(`${JSON.stringify({ exit_code: result.exitCode })}\n`)
      else noteLost(handle.lostBytes, note)
      return result
    } finally {
      handle.disconnect()
    }
  },
  // It was printed as it came.
  toJson: () => undefined,
  exitCode: ({ exitCode }) => exitCode,
})
