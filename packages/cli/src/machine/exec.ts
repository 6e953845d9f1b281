import { Commands, DEFAULT_COMMAND_SECONDS } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, flag, manyArguments, optionalArgument, pairs, text, toggle, whole } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { endOf, killQuietly, noteLost, onOurs, passSignals, unseen } from '../process/follow.ts'

export const machineExec = defineCommand({
  path: 'machine exec',
  summary:
    'Run a command in a machine. What it prints is shown as it comes, standard input is passed on when it is no terminal, Ctrl-C goes to ' +
    'the command (twice kills it), and its exit code is ours.',
  args: {
    id: argument('id', 'Machine id'),
    command: optionalArgument('cmd', 'Program to run, or a whole command line with --shell'),
    rest: manyArguments('args', 'Its arguments; put -- before them, so that none is taken for an option of nullspace'),
  },
  options: {
    shell: flag('--shell', 'Give the command line to the machine’s shell'),
    cwd: text('--cwd <path>', 'Working directory'),
    env: pairs('--env <K=V>', 'Environment of this command'),
    user: text('--user <user>', 'Name or number of the user it runs as (default: root)'),
    stdin: toggle('stdin', 'Pass standard input on (default: when it is no terminal)'),
    background: flag('--background', 'Start it, print its process id, and do not wait; no time ends it then'),
    timeout: whole('--timeout <seconds>', `Kill it after so many seconds (default: ${DEFAULT_COMMAND_SECONDS})`),
  },
  examples: [
    'nullspace machine exec mch_abc python3 -- --version',
    'nullspace machine exec mch_abc --shell "cd /workspace && ls | wc -l"',
    'nullspace machine exec mch_abc --user nobody --shell "cat > /tmp/notes" < notes.txt',
    'nullspace machine exec mch_abc tar -- -cC /workspace . > workspace.tar',
    'nullspace machine exec mch_abc --background python3 -- -m http.server 8000',
    'nullspace machine exec mch_abc --env CI=1 --timeout 600 make -- test',
  ],
  passThrough: true,
  async run({ client, args, io, json, note }) {
    const { id, command, rest, shell, cwd, env: envs, user, background } = args
    if (command === undefined) throw usageError('no command given', 'Name a program after the machine id, or use --shell "command line".')
    if (command.startsWith('-')) throw usageError(`unknown option '${command}'`, 'Put the options of the command itself after --.')
    const commands = new Commands(client, id)
    const what = { args: rest, shell, cwd, envs, user }
    if (background) {
      const { pid } = await commands.start(command, { ...what, signal: io.signal })
      return { pid }
    }
    const { timeout = DEFAULT_COMMAND_SECONDS, stdin = !io.stdin.isTTY } = args
    const leave = new AbortController()
    const signal = AbortSignal.any([io.signal, leave.signal])
    const handle = await commands.start(command, { ...what, ...(json ? unseen : onOurs(io)), timeout, stdin, signal })
    using _signals = io.takeSignals(passSignals(handle, leave))
    try {
      const result = await endOf(handle, { io, note }, stdin)
      if (!json) noteLost(handle.lostBytes, note)
      return result
    } catch (error) {
      await killQuietly(handle)
      throw error
    }
  },
  toJson: toWire,
  render(answer, { io, note }) {
    // It was shown as it came.
    if ('exitCode' in answer) return
    io.stdout.write(`${answer.pid}\n`)
    note('note: it runs in the background; "nullspace machine process logs" shows what it prints')
  },
  exitCode: (answer) => ('exitCode' in answer ? answer.exitCode : 0),
})
