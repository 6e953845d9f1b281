import type { GitStatus } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { table } from '../core/table.ts'
import { oneLine } from '../core/text.ts'
import { toWire } from '../core/wire.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

export const gitStatus = defineCommand({
  path: 'machine git status',
  summary: 'Show the branch of a repository, and what is changed.',
  args: { id: idArgument, path: repoArgument },
  examples: ['nullspace machine git status mch_abc /workspace/project', 'nullspace machine git status mch_abc project --json'],
  run(context) {
    const { git, options } = gitOf(context)
    return git.status(context.args.path, options)
  },
  toJson: toWire,
  render(status, { io }) {
    io.stdout.write(`${headline(status)}\n`)
    if (status.clean) return
    const rows = status.changed.map(({ status: kind, staged, unstaged, path, originalPath }) => [
      kind,
      staged ? (unstaged ? 'partly' : 'yes') : 'no',
      oneLine(originalPath === undefined ? path : `${originalPath} -> ${path}`),
    ])
    io.stdout.write(table(['change', 'staged', 'path'], rows))
  },
})

function headline({ branch, ahead = 0, behind = 0, clean }: GitStatus): string {
  const parts = [branch === undefined ? 'detached' : `on ${branch}`]
  if (ahead > 0) parts.push(`${ahead} ahead`)
  if (behind > 0) parts.push(`${behind} behind`)
  if (clean) parts.push('clean')
  return parts.join(', ')
}
