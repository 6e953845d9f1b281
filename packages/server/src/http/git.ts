// Git in a machine.

import type { App } from '../app/context.ts'
import { changeBranch, checkout, cloneRepository, commit, gitBranchesOf, gitLogOf, gitStatusOf, pull, push, stage } from '../app/git.ts'
import type { Handlers } from './implement.ts'

type GitHandlers = Pick<
  Handlers,
  'gitClone' | 'gitStatus' | 'gitLog' | 'gitBranchList' | 'gitBranch' | 'gitCheckout' | 'gitAdd' | 'gitCommit' | 'gitPull' | 'gitPush'
>

const OK = { ok: true }

export const gitHandlers = (app: App): GitHandlers => ({
  gitClone: ({ principal, params, body }) => cloneRepository(app, principal, params.id, body),
  gitStatus: ({ principal, params, query }) => gitStatusOf(app, principal, params.id, query.path),
  gitLog: async ({ principal, params, query }) => ({ commits: await gitLogOf(app, principal, params.id, query.path, query.limit) }),
  gitBranchList: ({ principal, params, query }) => gitBranchesOf(app, principal, params.id, query.path),
  gitBranch: ({ principal, params, body }) => changeBranch(app, principal, params.id, body).then(() => OK),
  gitCheckout: ({ principal, params, body }) => checkout(app, principal, params.id, body).then(() => OK),
  gitAdd: ({ principal, params, body }) => stage(app, principal, params.id, body).then(() => OK),
  gitCommit: ({ principal, params, body }) => commit(app, principal, params.id, body),
  gitPull: ({ principal, params, body }) => pull(app, principal, params.id, body),
  gitPush: ({ principal, params, body }) => push(app, principal, params.id, body),
})
