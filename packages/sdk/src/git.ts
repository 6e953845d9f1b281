// Git in a machine.

import {
  gitAdd,
  gitBranch,
  gitBranchList,
  GitBranches as WireBranches,
  gitCheckout,
  gitClone,
  gitCommit,
  GitCommit as WireCommit,
  gitLog,
  gitPull,
  gitPush,
  gitStatus,
  GitStatus as WireStatus,
} from '@nullspace/contract/git.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import type { CallOptions, Client, Nature } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

type ForOneCall = Omit<CallOptions, 'idempotencyKey'>

/** `branch` is undefined when detached, `ahead` and `behind` without an upstream. */
export type GitStatus = Camel<WireStatus>
/** `date`: RFC 3339, of the author. */
export type GitCommit = Camel<WireCommit>
/** `current` is undefined when detached. */
export type GitBranches = Camel<WireBranches>

/** For one call; kept nowhere in the machine. A token goes as the password, or where the provider says. */
export type GitAuth =
  | { readonly kind: 'https'; readonly username: string; readonly password: string }
  /** `privateKey`: the text of the file. */
  | { readonly kind: 'ssh'; readonly privateKey: string; readonly passphrase?: string | undefined }

export interface GitCloneOptions extends ForOneCall {
  readonly branch?: string | undefined
  /** Only the newest so many commits. */
  readonly depth?: number | undefined
  readonly auth?: GitAuth | undefined
}

export interface GitLogOptions extends ForOneCall {
  /** 1 to 10,000; default 50. */
  readonly limit?: number | undefined
}

export interface GitBranchOptions extends ForOneCall {
  /** Move one that exists; delete one that is not merged. Default false. */
  readonly force?: boolean | undefined
}

export interface GitCommitOptions extends ForOneCall {
  /** Stage all changes before. Default false. */
  readonly all?: boolean | undefined
  /** Stage these before, named from `path` on. */
  readonly files?: readonly string[] | undefined
  /** Who wrote it, and commits it; default: as git is configured. */
  readonly author?: { readonly name: string; readonly email: string } | undefined
}

export interface GitSyncOptions extends ForOneCall {
  /** Name or address; default `origin`. */
  readonly remote?: string | undefined
  /** Default: the present one. */
  readonly branch?: string | undefined
  readonly setUpstream?: boolean | undefined
  readonly auth?: GitAuth | undefined
}

/** The daemon gives git a minute to read and ten to change something; longer than that here. */
const READS: Nature = { timeoutMs: 120_000 }
const CHANGES: Nature = { timeoutMs: 700_000 }

/**
 * Git runs as root. `path` is the repository: absolute, or from the machine's cwd on. Every call rejects with GitError when git
 * fails (`git_error`), MachineError `exec_timeout` when it takes too long, NotFoundError, ConflictError `machine_not_ready`.
 */
export class Git {
  readonly #client: Client
  readonly #machineId: string

  constructor(client: Client, machineId: string) {
    this.#client = client
    this.#machineId = machineId
  }

  /** Clones to `path`; answers the path in full. The address may not hold a password: give it as `auth`. */
  async clone(url: string, path: string, { branch, depth, auth, ...options }: GitCloneOptions = {}): Promise<string> {
    const body = { url, path, ...given({ branch, depth, auth: authOf(auth) }) }
    return (await this.#client.call(gitClone, { ...this.#machine(), body }, options, CHANGES)).path
  }

  /** Branch and changed files. */
  async status(path: string, options: ForOneCall = {}): Promise<GitStatus> {
    return fromWire(WireStatus, await this.#client.call(gitStatus, { ...this.#machine(), query: { path } }, options, READS))
  }

  /** Commits, newest first. */
  async log(path: string, { limit, ...options }: GitLogOptions = {}): Promise<GitCommit[]> {
    const query = { path, ...given({ limit }) }
    const { commits } = await this.#client.call(gitLog, { ...this.#machine(), query }, options, READS)
    return commits.map((commit) => fromWire(WireCommit, commit))
  }

  /** Local branches. */
  async branches(path: string, options: ForOneCall = {}): Promise<GitBranches> {
    return fromWire(WireBranches, await this.#client.call(gitBranchList, { ...this.#machine(), query: { path } }, options, READS))
  }

  /** Creates a branch at HEAD, and stays on the present one. */
  async createBranch(path: string, name: string, { force, ...options }: GitBranchOptions = {}): Promise<void> {
    const body = { path, name, action: 'create' as const, ...given({ force }) }
    await this.#client.call(gitBranch, { ...this.#machine(), body }, options, CHANGES)
  }

  async deleteBranch(path: string, name: string, { force, ...options }: GitBranchOptions = {}): Promise<void> {
    const body = { path, name, action: 'delete' as const, ...given({ force }) }
    await this.#client.call(gitBranch, { ...this.#machine(), body }, options, CHANGES)
  }

  /** Switches to a branch, tag or commit; with `create` to a new branch. */
  async checkout(
    path: string,
    ref: string,
    { create, ...options }: ForOneCall & { readonly create?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#client.call(gitCheckout, { ...this.#machine(), body: { path, ref, ...given({ create }) } }, options, CHANGES)
  }

  /** Stages files, named from `path` on, or patterns; all changes when none is named. */
  async add(path: string, files: readonly string[] = [], options: ForOneCall = {}): Promise<void> {
    const body = { path, ...(files.length > 0 ? { files: [...files] } : {}) }
    await this.#client.call(gitAdd, { ...this.#machine(), body }, options, CHANGES)
  }

  /** Commits what is staged; answers its SHA. */
  async commit(path: string, message: string, { all, files, author, ...options }: GitCommitOptions = {}): Promise<string> {
    const body = {
      path,
      message,
      ...given({ add_all: all, files: files && [...files], author_name: author?.name, author_email: author?.email }),
    }
    return (await this.#client.call(gitCommit, { ...this.#machine(), body }, options, CHANGES)).sha
  }

  /** Fetches and integrates, as git is configured to; answers what git says of it. */
  async pull(path: string, { remote, branch, setUpstream, auth, ...options }: GitSyncOptions = {}): Promise<string> {
    const body = syncBody(path, { remote, branch, setUpstream, auth })
    return (await this.#client.call(gitPull, { ...this.#machine(), body }, options, CHANGES)).summary
  }

  /** Answers what git says of it. */
  async push(path: string, { remote, branch, setUpstream, auth, ...options }: GitSyncOptions = {}): Promise<string> {
    const body = syncBody(path, { remote, branch, setUpstream, auth })
    return (await this.#client.call(gitPush, { ...this.#machine(), body }, options, CHANGES)).summary
  }

  #machine(): { readonly params: { readonly id: string } } {
    return { params: { id: this.#machineId } }
  }
}

type Sync = Pick<GitSyncOptions, 'remote' | 'branch' | 'setUpstream' | 'auth'>

function syncBody(path: string, { remote, branch, setUpstream, auth }: Sync): RouteInput<typeof gitPull> {
  return { path, ...given({ remote, branch, set_upstream: setUpstream, auth: authOf(auth) }) }
}

function authOf(auth: GitAuth | undefined): RouteInput<typeof gitClone>['auth'] {
  if (auth?.kind !== 'ssh') return auth
  return { kind: 'ssh', private_key: auth.privateKey, ...given({ passphrase: auth.passphrase }) }
}

/** Without those that were not said. */
function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  // Sound: what is left out is optional in the result.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> }
}
