import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, optionalArgument, text, whole } from '../core/options.ts'
import { authOf, authOptions, gitOf, idArgument } from './common.ts'

export const gitClone = defineCommand({
  path: 'machine git clone',
  summary: 'Clone a repository into a machine.',
  args: {
    id: idArgument,
    url: argument('url', 'Its address, without a password'),
    path: optionalArgument('path', 'Where to, in the machine (default: its name, in the working directory)'),
  },
  options: {
    branch: text('--branch <name>', 'Check this one out'),
    depth: whole('--depth <n>', 'Only the newest so many commits'),
    ...authOptions,
  },
  examples: [
    'nullspace machine git clone mch_abc https://git.example.com/team/project.git',
    'nullspace machine git clone mch_abc https://git.example.com/team/project.git /workspace/project --depth 1 --username ci --password-stdin < token.txt',
    'nullspace machine git clone mch_abc git@git.example.com:team/project.git --ssh-key ~/.ssh/deploy',
  ],
  async run(context) {
    const { url, path = nameOf(url), branch, depth } = context.args
    const { git, options } = gitOf(context)
    return { path: await git.clone(url, path, { ...options, branch, depth, auth: await authOf(context) }) }
  },
  render: ({ path }, { io }) => io.stdout.write(`cloned to ${path}\n`),
})

/** As git itself takes it from an address. */
function nameOf(url: string): string {
  const name = url
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split(/[/:]/)
    .at(-1)
  if (!name) throw usageError(`"${url}" has no name to clone to`, 'Name a path in the machine.')
  return name
}
