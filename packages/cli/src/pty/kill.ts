import { killPtySession } from '@nullspace/contract/terminals.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'

export const ptyKill = defineCommand({
  path: 'machine pty kill',
  summary: 'End a terminal and what runs in it.',
  args: { id: argument('id', 'Machine id'), session: argument('session', 'Session id') },
  examples: ['nullspace machine pty kill mch_abc ses_abc'],
  async run({ client, args: { id, session }, io }) {
    await client.call(killPtySession, { params: { id, sid: session } }, { signal: io.signal })
    return { session_id: session, status: 'ended' }
  },
  render: ({ session_id }, { io }) => io.stdout.write(`ended ${session_id}\n`),
})
