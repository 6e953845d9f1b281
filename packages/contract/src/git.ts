// Git in a machine, as structured calls. It runs as root.
//
// A path may be relative to the machine’s cwd; `~` is root’s home. A byte of a file’s name that is no UTF-8 is the lone
// surrogate U+DC00 + byte, as in the calls for files.

import { z } from 'zod'
import { execCommand } from './commands.ts'
import { MachineParams } from './machines.ts'
import { route } from './route.ts'

export const GIT_LIMITS = {
  /** Commits of one answer. */
  log: 10_000,
  defaultLog: 50,
  /** Named in one call, and the bytes of their names. */
  files: 10_000,
  filesBytes: 2 * 1024 * 1024,
  message: 65_536,
} as const

const GIT_ERRORS = [...execCommand.errors, 'file_not_found', 'git_error'] as const
const noNul = (value: string): boolean => !value.includes('\0')
const oneLine = (value: string): boolean => !/[\0\r\n]/.test(value)
/** Never taken for an option. */
const plain = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine(oneLine, 'must not contain line breaks or NUL')
    .refine((value) => !value.startsWith('-'), 'must not begin with "-"')
const Path = z.string().min(1).max(4095).refine(noNul, 'must not contain NUL')
const Ref = plain(1024)
/** No more than the name of a branch: no other side of a refspec, no revision that is counted from one. */
const Branch = Ref.refine((name) => !/[\s~^:?*[\\]|^\+|\.\./.test(name), 'must be the name of a branch')
const Files = z
  .array(z.string().min(1).max(4095).refine(noNul, 'must not contain NUL'))
  .max(GIT_LIMITS.files)
  .refine((names) => names.reduce((sum, name) => sum + name.length * 3, 0) <= GIT_LIMITS.filesBytes, 'are too many bytes in all')
const Identity = z.string().min(1).max(1024).refine(oneLine, 'must be one line')

/** Kept nowhere: in no file that stays, in no argument list, in no log. */
export const GitAuth = z
  .strictObject({
    kind: z.enum(['https', 'ssh']),
    /** https: both are needed. */
    username: z.string().max(1024).refine(oneLine, 'must be one line').nullish(),
    password: z.string().max(16_384).refine(oneLine, 'must be one line').nullish(),
    /** ssh: the file’s text. */
    private_key: z
      .string()
      .max(16_384)
      .refine((key) => /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(key) && noNul(key), 'must be the text of a private key file')
      .nullish(),
    passphrase: z.string().max(4096).refine(oneLine, 'must be one line').nullish(),
  })
  .superRefine((auth, context) => {
    const [needed, foreign] =
      auth.kind === 'https' ? (['username,password', 'private_key,passphrase'] as const) : (['private_key', 'username,password'] as const)
    const say = (fields: string, wrong: (value: unknown) => boolean, message: string): void => {
      for (const field of fields.split(',') as (keyof typeof auth)[])
        if (wrong(auth[field])) context.addIssue({ code: 'custom', path: [field], message })
    }
    say(needed, (value) => !value, `is needed with kind "${auth.kind}"`)
    say(foreign, (value) => value != null, `does not go with kind "${auth.kind}"`)
  })
export type GitAuth = z.output<typeof GitAuth>

const shared = {
  access: 'key',
  params: MachineParams,
  errors: GIT_ERRORS,
  // A failure that comes late has no place in these answers, and none must look like success: the connection ends.
  patient: { late: () => null },
} as const
const RepoQuery = z.object({ path: Path })
const ok = { status: 200, body: z.object({ ok: z.boolean() }) } as const

export const gitClone = route({
  ...shared,
  id: 'gitClone',
  method: 'POST',
  path: '/v1/machines/{id}/git/clone',
  summary: 'Clone a repository over http(s), ssh, git or from a file:// address. The address may not hold a password: give it as `auth`.',
  body: z.strictObject({
    url: plain(4096),
    path: Path,
    branch: Branch.nullish(),
    depth: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .nullish(),
    auth: GitAuth.nullish(),
  }),
  success: { status: 200, body: z.object({ path: z.string() }) },
})

export const GitChangedFile = z.object({
  /** From the root of the repository. */
  path: z.string(),
  /** What is staged, else what is not: modified, added, deleted, renamed, copied, untracked, unmerged, type_changed. */
  status: z.string(),
  staged: z.boolean(),
  unstaged: z.boolean(),
  /** Of one that was renamed or copied. */
  original_path: z.string().optional(),
})
export type GitChangedFile = z.output<typeof GitChangedFile>

export const GitStatus = z.object({
  /** Left out when detached. */
  branch: z.string().optional(),
  detached: z.boolean(),
  clean: z.boolean(),
  /** Of the upstream; both are left out without one. */
  ahead: z.number().int().optional(),
  behind: z.number().int().optional(),
  changed: z.array(GitChangedFile),
})
export type GitStatus = z.output<typeof GitStatus>

export const gitStatus = route({
  ...shared,
  id: 'gitStatus',
  method: 'GET',
  path: '/v1/machines/{id}/git/status',
  summary: 'Branch and changed files. A directory with nothing but untracked files is told as one.',
  query: RepoQuery,
  success: { status: 200, body: GitStatus },
})

export const GitCommit = z.object({
  sha: z.string(),
  author_name: z.string(),
  author_email: z.string(),
  /** RFC 3339, of the author. */
  date: z.string(),
  message: z.string(),
})
export type GitCommit = z.output<typeof GitCommit>

export const gitLog = route({
  ...shared,
  id: 'gitLog',
  method: 'GET',
  path: '/v1/machines/{id}/git/log',
  summary: 'Commits, newest first; none in a repository that has none yet.',
  query: RepoQuery.extend({ limit: z.coerce.number().int().min(1).max(GIT_LIMITS.log).default(GIT_LIMITS.defaultLog) }),
  success: { status: 200, body: z.object({ commits: z.array(GitCommit) }) },
})

export const GitBranches = z.object({
  branches: z.array(z.string()),
  /** Left out when detached. In a repository without commits it is not among the branches yet. */
  current: z.string().optional(),
})
export type GitBranches = z.output<typeof GitBranches>

export const gitBranchList = route({
  ...shared,
  id: 'gitBranchList',
  method: 'GET',
  path: '/v1/machines/{id}/git/branch',
  summary: 'Local branches.',
  query: RepoQuery,
  success: { status: 200, body: GitBranches },
})

export const gitBranch = route({
  ...shared,
  id: 'gitBranch',
  method: 'POST',
  path: '/v1/machines/{id}/git/branch',
  summary: 'Create a branch at HEAD, or delete one. With force: one that exists is moved, one that is not merged is deleted.',
  body: z.strictObject({
    path: Path,
    name: Branch,
    action: z.enum(['create', 'delete']).nullish().meta({ default: 'create' }),
    force: z.boolean().nullish(),
  }),
  success: ok,
})

export const gitCheckout = route({
  ...shared,
  id: 'gitCheckout',
  method: 'POST',
  path: '/v1/machines/{id}/git/checkout',
  summary: 'Switch to a branch, tag or commit; with create to a new branch.',
  body: z.strictObject({ path: Path, ref: Ref, create: z.boolean().nullish() }),
  success: ok,
})

export const gitAdd = route({
  ...shared,
  id: 'gitAdd',
  method: 'POST',
  path: '/v1/machines/{id}/git/add',
  summary: 'Stage files, named from `path` on, or patterns; all changes when none is named.',
  body: z.strictObject({ path: Path, files: Files.nullish() }),
  success: ok,
})

export const gitCommit = route({
  ...shared,
  id: 'gitCommit',
  method: 'POST',
  path: '/v1/machines/{id}/git/commit',
  summary: 'Commit what is staged; before it, stage everything with add_all, or the named files.',
  body: z
    .strictObject({
      path: Path,
      message: z.string().min(1).max(GIT_LIMITS.message).refine(noNul, 'must not contain NUL'),
      add_all: z.boolean().nullish(),
      files: Files.nullish(),
      author_name: Identity.nullish(),
      author_email: Identity.nullish(),
    })
    .refine((body) => (body.author_name == null) === (body.author_email == null), {
      path: ['author_name'],
      message: 'goes together with author_email',
    }),
  success: { status: 200, body: z.object({ sha: z.string() }) },
})

const Sync = z.strictObject({
  path: Path,
  remote: plain(1024).nullish().meta({ default: 'origin' }),
  branch: Branch.nullish(),
  set_upstream: z.boolean().nullish(),
  auth: GitAuth.nullish(),
})
const summary = { status: 200, body: z.object({ summary: z.string() }) } as const

export const gitPull = route({
  ...shared,
  id: 'gitPull',
  method: 'POST',
  path: '/v1/machines/{id}/git/pull',
  summary: 'Fetch and integrate, as git is configured to.',
  body: Sync,
  success: summary,
})

export const gitPush = route({
  ...shared,
  id: 'gitPush',
  method: 'POST',
  path: '/v1/machines/{id}/git/push',
  summary: 'Push a branch; the current one when none is named.',
  body: Sync,
  success: summary,
})
