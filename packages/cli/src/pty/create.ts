import { Pty } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { argument, flag, pairs, text, whole } from '../core/options.ts'
import { LEAVE, needTerminal, show, sizeOf } from './screen.ts'

export const ptyCreate = defineCommand({
  path: 'machine pty create',
  summary: `Open a new terminal in a machine, here; ${LEAVE}. Exits with the exit code of its shell.`,
  args: { id: argument('id', 'Machine id') },
  options: {
    detach: flag('--detach', 'Do not show it, only print its session id'),
    cols: whole('--cols <n>', 'Columns (default: those of this terminal, or 80)'),
    rows: whole('--rows <n>', 'Rows (default: those of this terminal, or 24)'),
    cwd: text('--cwd <path>', 'Directory to begin in'),
    env: pairs('--env <K=V>', 'Environment of the shell'),
    user: text('--user <user>', 'Name or number of the user it belongs to (default: root)'),
    shell: text('--shell <path>', 'Program to run in it (default: the user’s own shell)'),
  },
  examples: [
    'nullspace machine pty create mch_abc',
    'nullspace machine pty create mch_abc --user nobody --shell /bin/bash --cwd /tmp',
    'nullspace machine pty create mch_abc --detach --cols 120 --rows 30',
  ],
  async run({ client, args, io, note }) {
    const { id, detach, env: envs, cwd, user, shell } = args
    if (!detach) needTerminal(io, 'Add --detach to create one without showing it; "nullspace machine exec" runs commands without one.')
    const own = sizeOf(io)
    const size = { cols: args.cols ?? own.cols, rows: args.rows ?? own.rows }
    // Programs in it are told which terminal they draw on.
    const term = detach ? undefined : io.env['TERM']
    const session = await new Pty(client, id).create({
      ...size,
      cwd,
      envs: term === undefined ? envs : { TERM: term, ...envs },
      user,
      shell,
      signal: io.signal,
    })
    const made = { session_id: session.sessionId, pid: session.pid, ...size }
    if (detach) {
      session.disconnect()
      return { ...made, detached: true }
    }
    return { ...made, ...(await show(session, { io, note }, id)) }
  },
  render({ session_id }, { args, io }) {
    if (args.detach) io.stdout.write(`${session_id}\n`)
  },
  exitCode: (value) => ('exit_code' in value ? value.exit_code : 0),
})
