import { defineCommand } from '../core/command.ts'
import { argument, flag } from '../core/options.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

export const gitCheckout = defineCommand({
  path: 'machine git checkout',
  summary: 'Switch to a branch, tag or commit.',
  args: { id: idArgument, path: repoArgument, ref: argument('ref', 'Branch, tag or commit') },
  options: { create: flag('--create', 'A new branch, at HEAD') },
  examples: [
    'nullspace machine git checkout mch_abc /workspace/project v1.2',
    'nullspace machine git checkout mch_abc /workspace/project fix-17 --create',
  ],
  async run(context) {
    const { path, ref, create } = context.args
    const { git, options } = gitOf(context)
    await git.checkout(path, ref, { ...options, create })
    return { ref }
  },
  render: ({ ref }, { io }) => io.stdout.write(`on ${ref}\n`),
})
