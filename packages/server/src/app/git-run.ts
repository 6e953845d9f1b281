// One run of git in a machine: started without a shell, bounded in time and output, and its failure told as an error.

import { AppError } from '@nullspace/contract/errors.ts'
import type { GitAuth } from '@nullspace/contract/git.ts'
import { GuestPath } from '@nullspace/contract/machines.ts'
import { type ExecOutcome, GuestFailure } from '../host/guest/guest.ts'
import type { Principal } from '../domain/principal.ts'
import { Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { type Credentials, credentials, redacted } from './git-auth.ts'
import { invalid } from './git-remote.ts'
import { getMachine } from './machines.ts'
import { type Use, useMachine, workFailure } from './use.ts'

/** How long git may take, s. */
const READ_SECS = 60
const WRITE_SECS = 600
/** For what it had begun to be removed, s; then SIGKILL. */
const TIDY_SECS = 30
/** The guest enforces the time; past this much more we give up on the guest. */
const PATIENCE_MS = 15_000
/** Of each output, bytes. */
const OUTPUT_BYTES = 16 * 1024 * 1024
/** Of each output that is for people, what is looked at; taking secrets out of all of it would hold up everybody. */
const SHOWN_BYTES = 64 * 1024
/** Of what git said, in an error. */
const SAID_BYTES = 4096
const LINE_BREAK = 10
/** Of `timeout`. */
const TIMED_OUT = 124

/** Settings that a repository may not make for us. */
const OPTIONS = ['-c', 'core.fsmonitor=false', '-c', 'protocol.ext.allow=never']
const ENV = { GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', GIT_EDITOR: ':', GIT_SEQUENCE_EDITOR: ':', GIT_PAGER: 'cat' }

/** What changes something is ended by SIGTERM and waited for: git then removes what it had begun, as a clone or a lock. */
const BOUNDS = {
  read: { seconds: READ_SECS, limitMs: READ_SECS * 1000, within: [], env: { GIT_OPTIONAL_LOCKS: '0' } },
  write: {
    seconds: WRITE_SECS,
    limitMs: (WRITE_SECS + TIDY_SECS + 10) * 1000,
    within: ['timeout', '-k', `${TIDY_SECS}`, `${WRITE_SECS}`],
    env: {},
  },
} as const

export interface GitCall {
  /** Subcommand and arguments. What a caller sent stands where it cannot be an option. */
  readonly args: readonly string[]
  readonly input?: Uint8Array
  /** Before the subcommand, as `-c name=value`. */
  readonly options?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly auth?: { readonly auth: GitAuth; readonly origins: readonly string[] }
  /** A failure that is an answer. */
  readonly bear?: (failed: GitOutput) => boolean
}

export interface GitOutput {
  readonly exitCode: number
  readonly stdout: Buffer
  /** Its standard error, without secrets. */
  readonly said: string
  /** All it printed, without secrets. */
  readonly text: string
}

export type RunGit = (call: GitCall) => Promise<GitOutput>

export interface GitPlace {
  readonly machineId: string
  /** Of the request. */
  readonly path: string
  readonly mode: 'read' | 'write'
  /** The path is where the repository will be: git is run in the root directory. */
  readonly fresh?: boolean
}

/** Gives `work` a git that runs in the repository. */
export async function withGit<T>(
  app: App,
  principal: Principal,
  { machineId, path, mode, fresh = false }: GitPlace,
  work: (git: RunGit, directory: string) => Promise<T>,
): Promise<T> {
  const { cwd } = await getMachine(app, principal, machineId)
  const directory = directoryOf(path, cwd)
  using use = await useMachine(app, principal, machineId)
  return work((call) => run(app, use, { mode, cwd: fresh ? '/' : directory }, call), directory)
}

async function run(
  app: App,
  { machine, guest }: Use,
  { mode, cwd }: { mode: GitPlace['mode']; cwd: string },
  call: GitCall,
): Promise<GitOutput> {
  const verb = call.args[0] ?? ''
  const { seconds, limitMs, within, env } = BOUNDS[mode]
  const secret = call.auth ? credentials(call.auth.auth, call.auth.origins) : undefined
  const input = secret?.input ?? call.input
  using op = new Op(`git ${verb} in ${machine.id}`, { timeoutMs: limitMs + PATIENCE_MS })
  let outcome: ExecOutcome
  try {
    outcome = await guest.exec(op, {
      argv: [...(secret?.wrapper ?? []), ...within, 'git', ...OPTIONS, ...(secret?.options ?? []), ...(call.options ?? []), ...call.args],
      env: { ...machine.envs, ...ENV, ...env, ...call.env, ...secret?.env },
      cwd,
      user: '',
      timeoutMs: limitMs,
      outputLimit: OUTPUT_BYTES,
      ...(input ? { input } : {}),
    })
  } catch (error) {
    app.metrics.execs.inc({ outcome: 'failed' })
    if (error instanceof GuestFailure && error.reason === 'bad_cwd')
      throw new AppError('file_not_found', { say: `path: ${error.message}`, details: { field: 'path' }, cause: error })
    throw await workFailure(app, machine.id, error)
  }
  const timedOut = outcome.timedOut || (mode === 'write' && outcome.exitCode === TIMED_OUT)
  app.metrics.execs.inc({ outcome: timedOut ? 'timeout' : 'ended' })
  const output = outputOf(outcome, secret)
  if (timedOut) {
    throw new AppError('exec_timeout', {
      say: `git ${verb} did not end within ${seconds} s and was ended.`,
      details: { output: tail(output.said) },
    })
  }
  if (outcome.exitCode !== 0 && !call.bear?.(output)) throw failed(verb, outcome.exitCode, mode === 'write' ? output.text : output.said)
  if (outcome.droppedStdout > 0) {
    const say = `git ${verb} printed more than ${OUTPUT_BYTES} bytes.`
    throw new AppError('git_error', { say, details: { exit_code: outcome.exitCode, output: '' } })
  }
  return output
}

function outputOf({ exitCode, stdout, stderr }: ExecOutcome, secret: Credentials | undefined): GitOutput {
  const show = (bytes: Buffer): string => redacted(shown(bytes), secret?.secrets)
  return {
    exitCode,
    stdout,
    get said() {
      return show(stderr)
    },
    get text() {
      return [stderr, stdout]
        .map((bytes) => show(bytes).trimEnd())
        .filter((part) => part !== '')
        .join('\n')
    },
  }
}

/** Some failures are told on standard output, such as that of a merge. */
function failed(verb: string, exitCode: number, text: string): AppError {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const reason = lines.find((line) => /^(?:fatal|error): /.test(line)) ?? lines.at(-1) ?? `it ended with exit code ${exitCode}`
  return new AppError('git_error', {
    say: `git ${verb}: ${reason.slice(0, 500)}`,
    details: { exit_code: exitCode, output: tail(text.trimEnd()) },
  })
}

/** Begin and end, in whole lines: no secret has more than one, so none is shown by half. */
function shown(bytes: Buffer): string {
  if (bytes.length <= SHOWN_BYTES) return bytes.toString('utf8')
  const [first, last] = [SHOWN_BYTES / 2, bytes.length - SHOWN_BYTES / 2]
  const from = bytes.indexOf(LINE_BREAK, last)
  return bytes.toString('utf8', 0, bytes.lastIndexOf(LINE_BREAK, first) + 1) + (from === -1 ? '' : bytes.toString('utf8', from + 1))
}

/** The end of it, not beginning within a character. */
function tail(text: string): string {
  const bytes = Buffer.from(text)
  return bytes.length <= SAID_BYTES ? text : bytes.toString('utf8', bytes.length - SAID_BYTES).replace(/^\uFFFD+/, '')
}

/** Absolute; refused when it is reserved. */
function directoryOf(path: string, cwd: string): string {
  const full = path.startsWith('/') ? path : /^~(?:\/|$)/.test(path) ? `/root${path.slice(1)}` : `${cwd}/${path}`
  const parsed = GuestPath.safeParse(full)
  if (parsed.success) return parsed.data
  throw invalid('path', parsed.error.issues[0]?.message ?? 'is not valid')
}
