import { defineCommand } from '../core/command.ts'
import { manyArguments } from '../core/options.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

export const gitAdd = defineCommand({
  path: 'machine git add',
  summary: 'Stage changes: those of the named files, or all.',
  args: { id: idArgument, path: repoArgument, files: manyArguments('files', 'Named from the path on, or patterns (default: all changes)') },
  examples: ['nullspace machine git add mch_abc /workspace/project', 'nullspace machine git add mch_abc /workspace/project src README.md'],
  async run(context) {
    const { path, files } = context.args
    const { git, options } = gitOf(context)
    await git.add(path, files, options)
    return { ok: true }
  },
})
