import { Pty } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, optionalArgument, whole } from '../core/options.ts'
import { LEAVE, needTerminal, show, sizeOf } from './screen.ts'

export const ptyConnect = defineCommand({
  path: 'machine pty connect',
  summary: `Show a terminal of a machine here, with what it showed last; ${LEAVE}. Exits with the exit code of its shell.`,
  args: { id: argument('id', 'Machine id'), session: optionalArgument('session', 'Session id, as "nullspace machine pty list" shows it') },
  options: { pid: whole('--pid <pid>', 'Process id of its shell, in place of the session id') },
  examples: ['nullspace machine pty connect mch_abc ses_abc', 'nullspace machine pty connect mch_abc --pid 412'],
  async run({ client, args: { id, session: sessionId, pid }, io, note }) {
    needTerminal(io, 'Run it from a terminal; "nullspace machine exec" runs commands without one.')
    if ((sessionId === undefined) === (pid === undefined)) throw usageError('name the terminal either by session or by --pid')
    const which = sessionId === undefined ? { pid: pid ?? 0 } : { sessionId }
    const session = await new Pty(client, id).connect(which, { signal: io.signal })
    session.resize(sizeOf(io))
    return { session_id: session.sessionId, pid: session.pid, ...(await show(session, { io, note }, id)) }
  },
  exitCode: (value) => ('exit_code' in value ? value.exit_code : 0),
})
