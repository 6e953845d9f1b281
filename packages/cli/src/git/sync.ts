import type { GitSyncOptions } from '@nullspace/sdk'
import { defineCommand, type Context } from '../core/command.ts'
import { flag, text, type ValuesOf } from '../core/options.ts'
import { authOf, authOptions, gitOf, idArgument, repoArgument } from './common.ts'

const args = { id: idArgument, path: repoArgument }
const options = {
  remote: text('--remote <name>', 'Name or address (default: origin)'),
  branch: text('--branch <name>', 'Default: the present one'),
  setUpstream: flag('--set-upstream', 'Have the branch follow that of the remote'),
  ...authOptions,
}

export const gitPull = defineCommand({
  path: 'machine git pull',
  summary: 'Fetch from a remote and integrate, as git is configured to.',
  args,
  options,
  examples: [
    'nullspace machine git pull mch_abc /workspace/project',
    'NULLSPACE_GIT_PASSWORD=$TOKEN nullspace machine git pull mch_abc /workspace/project --username ci',
  ],
  async run(context) {
    return { summary: await gitOf(context).git.pull(context.args.path, await syncOptions(context)) }
  },
  render: showSummary,
})

export const gitPush = defineCommand({
  path: 'machine git push',
  summary: 'Push a branch to a remote.',
  args,
  options,
  examples: [
    'nullspace machine git push mch_abc /workspace/project --branch fix-17 --set-upstream --username ci --password-stdin < token.txt',
    'nullspace machine git push mch_abc /workspace/project --ssh-key ~/.ssh/deploy',
  ],
  async run(context) {
    return { summary: await gitOf(context).git.push(context.args.path, await syncOptions(context)) }
  },
  render: showSummary,
})

async function syncOptions(context: Context<ValuesOf<typeof args & typeof options>>): Promise<GitSyncOptions> {
  const { remote, branch, setUpstream } = context.args
  return { ...gitOf(context).options, remote, branch, setUpstream, auth: await authOf(context) }
}

function showSummary({ summary }: { readonly summary: string }, { io }: Context<unknown>): void {
  if (summary !== '') io.stdout.write(summary.endsWith('\n') ? summary : `${summary}\n`)
}
