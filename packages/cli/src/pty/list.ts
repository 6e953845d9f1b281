import { listPtySessions } from '@nullspace/contract/terminals.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { table } from '../core/table.ts'

export const ptyList = defineCommand({
  path: 'machine pty list',
  summary: 'List terminals that run in a machine.',
  args: { id: argument('id', 'Machine id') },
  examples: ['nullspace machine pty list mch_abc', 'nullspace machine pty list mch_abc --json'],
  run: ({ client, args, io }) => client.call(listPtySessions, { params: { id: args.id } }, { signal: io.signal }),
  render(sessions, { io, note }) {
    if (sessions.length === 0) return note('no terminals')
    const rows = sessions.map(({ session_id, pid, cols, rows: height }) => [session_id, pid, `${cols}x${height}`])
    io.stdout.write(table(['session', 'pid', 'size'], rows))
  },
})
