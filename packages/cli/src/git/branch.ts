import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag, optionalArgument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

export const gitBranch = defineCommand({
  path: 'machine git branch',
  summary: 'List the local branches, or create one at HEAD, or delete one.',
  args: { id: idArgument, path: repoArgument, name: optionalArgument('name', 'Branch to create') },
  options: {
    delete: flag('--delete', 'Delete it instead'),
    force: flag('--force', 'Move one that is there; delete one that is not merged'),
  },
  examples: [
    'nullspace machine git branch mch_abc /workspace/project',
    'nullspace machine git branch mch_abc /workspace/project fix-17',
    'nullspace machine git branch mch_abc /workspace/project fix-17 --delete --force',
  ],
  async run(context) {
    const { path, name, delete: away = false, force } = context.args
    const { git, options } = gitOf(context)
    if (name === undefined) {
      if (away || force) throw usageError('no branch is named')
      return git.branches(path, options)
    }
    await (away ? git.deleteBranch(path, name, { ...options, force }) : git.createBranch(path, name, { ...options, force }))
    return { branch: name, deleted: away }
  },
  toJson: toWire,
  render(answer, { io, note }) {
    if ('branch' in answer) return io.stdout.write(`${answer.deleted ? 'deleted' : 'created'} ${answer.branch}\n`)
    const { branches, current } = answer
    for (const name of branches) io.stdout.write(`${name === current ? '*' : ' '} ${name}\n`)
    if (branches.length === 0) note('no branches')
  },
})
