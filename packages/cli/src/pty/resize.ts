import { resizePtySession } from '@nullspace/contract/terminals.ts'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, whole } from '../core/options.ts'

export const ptyResize = defineCommand({
  path: 'machine pty resize',
  summary: 'Give a terminal another size.',
  args: { id: argument('id', 'Machine id'), session: argument('session', 'Session id') },
  options: { cols: whole('--cols <n>', 'Columns (required)'), rows: whole('--rows <n>', 'Rows (required)') },
  examples: ['nullspace machine pty resize mch_abc ses_abc --cols 120 --rows 30'],
  async run({ client, args: { id, session, cols, rows }, io }) {
    if (cols === undefined || rows === undefined) throw usageError('--cols and --rows are both needed')
    await client.call(resizePtySession, { params: { id, sid: session }, body: { cols, rows } }, { signal: io.signal })
    return { session_id: session, cols, rows }
  },
  render: ({ session_id, cols, rows }, { io }) => io.stdout.write(`${session_id} is ${cols}x${rows}\n`),
})
