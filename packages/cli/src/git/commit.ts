import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag, manyArguments, text } from '../core/options.ts'
import { gitOf, idArgument, repoArgument } from './common.ts'

export const gitCommit = defineCommand({
  path: 'machine git commit',
  summary: 'Commit what is staged; prints the SHA.',
  args: { id: idArgument, path: repoArgument, files: manyArguments('files', 'Stage these before') },
  options: {
    message: text('-m, --message <text>', 'Message; - reads it from standard input (required)'),
    all: flag('--all', 'Stage all changes before'),
    author: text('--author <name>', 'Who wrote it and commits it, as "Name <mail>" (default: as git is configured)'),
  },
  examples: [
    'nullspace machine git commit mch_abc /workspace/project -m "Fix the build" --all --author "Ada <ada@example.com>"',
    'nullspace machine git commit mch_abc /workspace/project -m - README.md < message.txt',
  ],
  async run(context) {
    const { path, files, message, all, author } = context.args
    if (message === undefined) throw usageError('-m is missing', 'Give a message, or - for standard input.')
    const { git, options } = gitOf(context)
    const said = message === '-' ? await context.io.readInput() : message
    return { sha: await git.commit(path, said, { ...options, all, ...(files.length > 0 && { files }), author: identityOf(author) }) }
  },
  render: ({ sha }, { io }) => io.stdout.write(`${sha}\n`),
})

function identityOf(author: string | undefined): { readonly name: string; readonly email: string } | undefined {
  if (author === undefined) return undefined
  const [, name, email] = /^\s*(.+?)\s*<([^<>]+)>\s*$/.exec(author) ?? []
  if (name === undefined || email === undefined) throw usageError(`"${author}" is no author`, 'Write it as "Name <mail>".')
  return { name, email }
}
