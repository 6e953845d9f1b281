import { defineCommand } from '../core/command.ts'
import { argument, flag } from '../core/options.ts'
import { follow } from './follow.ts'
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
  run(context) {
    const { id, pid, stdin = false } = context.args
    return follow(context, { id, pid: pidOf(pid), input: stdin })
  },
  // It was printed as it came.
  toJson: () => undefined,
  exitCode: ({ exitCode }) => exitCode,
})
