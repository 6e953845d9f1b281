import { defineCommand } from '../core/command.ts'
import { whole } from '../core/options.ts'
import { moment, table } from '../core/table.ts'
import { oneLine } from '../core/text.ts'
import { toWire } from '../core/wire.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

const SHA = 10

export const gitLog = defineCommand({
  path: 'machine git log',
  summary: 'List commits, newest first.',
  args: { id: idArgument, path: repoArgument },
  options: { limit: whole('--limit <n>', 'At most so many, up to 10000 (default: 50)') },
  examples: [
    'nullspace machine git log mch_abc /workspace/project --limit 5',
    'nullspace machine git log mch_abc /workspace/project --json',
  ],
  run(context) {
    const { git, options } = gitOf(context)
    return git.log(context.args.path, { ...options, limit: context.args.limit })
  },
  toJson: toWire,
  render(commits, { io, note }) {
    if (commits.length === 0) return note('no commits')
    const rows = commits.map(({ sha, date, authorName, message }) => [
      sha.slice(0, SHA),
      moment(date),
      oneLine(authorName),
      oneLine(message.split('\n', 1)[0] ?? ''),
    ])
    io.stdout.write(table(['commit', 'date', 'author', 'message'], rows))
  },
})
