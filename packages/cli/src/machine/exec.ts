import { execCommand, isResult } from '@nullspace/contract/commands.ts'
import { DEFAULT_COMMAND_SECONDS, commandTimeoutMs } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, flag, manyArguments, optionalArgument, pairs, text, whole } from '../core/options.ts'

export const machineExec = defineCommand({
  path: 'machine exec',
  summary: 'Run a command in a machine; its output and exit code are passed on.',
  args: {
    id: argument('id', 'Machine id'),
    command: optionalArgument('cmd', 'Program to run, or a whole command line with --shell'),
    rest: manyArguments('args', 'Its arguments; put -- before them, so that none is taken for an option of nullspace'),
  },
  options: {
    shell: flag('--shell', 'Give the command line to the machine’s shell'),
    cwd: text('--cwd <path>', 'Working directory'),
    env: pairs('--env <K=V>', 'Environment of this command'),
    background: flag('--background', 'Start it, print its process id, and do not wait; no time ends it then'),
    timeout: whole('--timeout <seconds>', `Kill it after so many seconds (default: ${DEFAULT_COMMAND_SECONDS})`),
  },
  examples: [
    'nullspace machine exec mch_abc python3 -- --version',
    'nullspace machine exec mch_abc --shell "cd /workspace && ls | wc -l"',
    'nullspace machine exec mch_abc --background python3 -- -m http.server 8000',
    'nullspace machine exec mch_abc --env CI=1 --timeout 600 make -- test',
  ],
  passThrough: true,
  run({ client, args: { id, command, rest, shell, cwd, env, timeout = DEFAULT_COMMAND_SECONDS, background }, io }) {
    if (command === undefined) throw usageError('no command given', 'Name a program after the machine id, or use --shell "command line".')
    if (command.startsWith('-')) throw usageError(`unknown option '${command}'`, 'Put the options of the command itself after --.')
    const body = {
      command,
      timeout_secs: timeout,
      ...(rest.length > 0 && { args: rest }),
      ...(cwd !== undefined && { cwd }),
      ...(env && { envs: env }),
      ...(shell && { shell }),
      ...(background && { background }),
    }
    return client.call(execCommand, { params: { id }, body }, { signal: io.signal, requestTimeoutMs: commandTimeoutMs(timeout) })
  },
  render(answer, { io, note }) {
    if (!isResult(answer)) {
      io.stdout.write(`${answer.pid}\n`)
      note('note: it runs in the background; "nullspace machine process logs" shows what it prints')
      return
    }
    const { stdout, stderr, stdout_dropped_bytes, stderr_dropped_bytes } = answer
    if (stdout !== '') io.stdout.write(stdout)
    if (stderr !== '') io.stderr.write(stderr)
    const dropped = (stdout_dropped_bytes ?? 0) + (stderr_dropped_bytes ?? 0)
    if (dropped > 0) note(`note: the command printed more than is kept; ${dropped} bytes were dropped`)
  },
  exitCode: (answer) => (isResult(answer) ? answer.exit_code : 0),
})
