// Git in a machine: each call is one or a few runs of its git, and what that prints is told as values.

import type {
  gitAdd,
  gitBranch,
  GitBranches,
  gitCheckout,
  gitClone,
  gitCommit,
  GitCommit,
  GitAuth,
  gitPull,
  GitStatus,
} from '@nullspace/contract/git.ts'
import type { RouteBody } from '@nullspace/contract/route.ts'
import { bytesOfName } from '../host/guest/guest.ts'
import type { Principal } from '../domain/principal.ts'
import type { App } from './context.ts'
import { BRANCH_FORMAT, LOG_FORMAT, parseBranches, parseHead, parseLog, parseSha, parseStatus } from './git-parse.ts'
import { addressOf, fit, type GitAddress, parseAddress } from './git-remote.ts'
import { type GitCall, type RunGit, withGit } from './git-run.ts'

/** Of what git printed about a pull or push, characters. */
const SUMMARY = 65_536
/** Of git in a repository whose branch has no commit, in the language we ask for. */
const NO_COMMITS = 'does not have any commits yet'

export async function cloneRepository(
  app: App,
  principal: Principal,
  machineId: string,
  { url, path, branch, depth, auth }: RouteBody<typeof gitClone>,
): Promise<{ path: string }> {
  const address = addressOf('url', url)
  const how = auth ? authFor(auth, [address]) : {}
  return withGit(app, principal, { machineId, path, mode: 'write', fresh: true }, async (git, directory) => {
    const options = [...(branch ? [`--branch=${branch}`] : []), ...(depth ? [`--depth=${depth}`] : [])]
    await git({ ...how, args: ['clone', ...options, '--', url, directory] })
    return { path: directory }
  })
}

export async function gitStatusOf(app: App, principal: Principal, machineId: string, path: string): Promise<GitStatus> {
  return withGit(app, principal, { machineId, path, mode: 'read' }, async (git) => {
    const { stdout } = await git({ args: ['status', '--porcelain=v2', '--branch', '-z', '--untracked-files=normal', '--ahead-behind'] })
    return parseStatus(stdout)
  })
}

export async function gitLogOf(app: App, principal: Principal, machineId: string, path: string, limit: number): Promise<GitCommit[]> {
  return withGit(app, principal, { machineId, path, mode: 'read' }, async (git) => {
    const args = ['log', '-z', `--format=${LOG_FORMAT}`, `--max-count=${limit}`, '--encoding=UTF-8', '--no-show-signature', '--no-patch']
    return parseLog((await git({ args, bear: ({ said }) => said.includes(NO_COMMITS) })).stdout)
  })
}

export async function gitBranchesOf(app: App, principal: Principal, machineId: string, path: string): Promise<GitBranches> {
  return withGit(app, principal, { machineId, path, mode: 'read' }, async (git) => {
    const found = parseBranches((await git({ args: ['for-each-ref', `--format=${BRANCH_FORMAT}`, 'refs/heads'] })).stdout)
    if (found.current !== undefined) return found
    const current = parseHead((await git({ args: ['symbolic-ref', '--quiet', 'HEAD'], bear: ({ exitCode }) => exitCode === 1 })).stdout)
    return { ...found, ...(current === undefined ? {} : { current }) }
  })
}

export async function changeBranch(
  app: App,
  principal: Principal,
  machineId: string,
  { path, name, action, force }: RouteBody<typeof gitBranch>,
): Promise<void> {
  const how = action === 'delete' ? [force ? '-D' : '-d'] : force ? ['--force'] : []
  await run(app, principal, machineId, path, { args: ['branch', ...how, '--', name] })
}

export async function checkout(
  app: App,
  principal: Principal,
  machineId: string,
  { path, ref, create }: RouteBody<typeof gitCheckout>,
): Promise<void> {
  // With `--` behind it, it is never taken for a file.
  await run(app, principal, machineId, path, { args: ['checkout', ...(create ? ['-b'] : []), ref, '--'] })
}

export async function stage(app: App, principal: Principal, machineId: string, { path, files }: RouteBody<typeof gitAdd>): Promise<void> {
  await run(app, principal, machineId, path, adding(files ?? []))
}

export async function commit(
  app: App,
  principal: Principal,
  machineId: string,
  { path, message, add_all, files, author_name, author_email }: RouteBody<typeof gitCommit>,
): Promise<{ sha: string }> {
  const named = add_all ? [] : (files ?? [])
  return withGit(app, principal, { machineId, path, mode: 'write' }, async (git) => {
    if (add_all || named.length > 0) await git(adding(named))
    await git({
      args: ['commit', '--file=-'],
      input: Buffer.from(message),
      ...(author_name && author_email ? authorship(author_name, author_email) : {}),
    })
    return { sha: parseSha((await git({ args: ['rev-parse', '--verify', 'HEAD'] })).stdout) }
  })
}

type Sync = RouteBody<typeof gitPull>

export async function pull(app: App, principal: Principal, machineId: string, sync: Sync): Promise<{ summary: string }> {
  return withGit(app, principal, { machineId, path: sync.path, mode: 'write' }, async (git) => {
    const options = ['--no-edit', ...(sync.set_upstream ? ['--set-upstream'] : [])]
    return synced(git, sync, 'fetch', ['pull', ...options, '--', remoteOf(sync), ...(sync.branch ? [sync.branch] : [])])
  })
}

export async function push(app: App, principal: Principal, machineId: string, sync: Sync): Promise<{ summary: string }> {
  return withGit(app, principal, { machineId, path: sync.path, mode: 'write' }, async (git) => {
    const options = sync.set_upstream ? ['--set-upstream'] : []
    return synced(git, sync, 'push', ['push', ...options, '--', remoteOf(sync), sync.branch ?? 'HEAD'])
  })
}

async function synced(git: RunGit, sync: Sync, direction: 'fetch' | 'push', args: readonly string[]): Promise<{ summary: string }> {
  const remote = remoteOf(sync)
  const address = remote.includes(':') ? addressOf('remote', remote) : undefined
  const how = sync.auth ? authFor(sync.auth, address ? [address] : await configured(git, remote, direction)) : {}
  const { text } = await git({ ...how, args })
  return { summary: text.slice(0, SUMMARY) || 'Done.' }
}

/** Where a remote of the repository is. */
async function configured(git: RunGit, remote: string, direction: 'fetch' | 'push'): Promise<(GitAddress | null)[]> {
  const { stdout } = await git({ args: ['remote', 'get-url', ...(direction === 'push' ? ['--push', '--all'] : []), '--', remote] })
  return stdout.toString('utf8').trimEnd().split('\n').map(parseAddress)
}

function authFor(auth: GitAuth, addresses: readonly (GitAddress | null)[]): Pick<GitCall, 'auth'> {
  for (const address of addresses) fit(auth, address)
  return { auth: { auth, origins: [...new Set(addresses.map((address) => address?.origin ?? ''))].filter((origin) => origin !== '') } }
}

const remoteOf = ({ remote }: Sync): string => remote ?? 'origin'

/** All changes when nothing is named. Names go through standard input, of which there can be more than of arguments. */
function adding(files: readonly string[]): GitCall {
  if (files.length === 0) return { args: ['add', '--all'] }
  // A colon in front would begin git's own words for patterns.
  const names = files.map((name) => bytesOfName(`${name.startsWith(':') ? './' : ''}${name}\0`))
  return { args: ['add', '--pathspec-from-file=-', '--pathspec-file-nul'], input: Buffer.concat(names) }
}

/** Who wrote it also commits it. */
function authorship(name: string, email: string): Pick<GitCall, 'env' | 'options'> {
  return {
    options: ['-c', `user.name=${name}`, '-c', `user.email=${email}`],
    env: { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email },
  }
}

async function run(app: App, principal: Principal, machineId: string, path: string, call: GitCall): Promise<void> {
  await withGit(app, principal, { machineId, path, mode: 'write' }, async (git) => void (await git(call)))
}
