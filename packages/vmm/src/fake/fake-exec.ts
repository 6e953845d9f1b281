// One exec stream of the fake guest: deadline, signals, window and output limit as the protocol has them.

import {
  Exit,
  ExecStarted,
  Failed,
  InputGranted,
  STDERR,
  STDOUT,
  type ExecStartMessage,
  type FailureReason,
} from '@nullspace/guest-protocol/messages.ts'
import { fileHelper } from './fake-files.ts'
import { type FakeTree, USERS } from './fake-files-tree.ts'
import { findProgram, type Io } from './fake-shell.ts'

export interface ExecStream {
  input(bytes: Uint8Array | null): void
  signal(signal: number): void
  window(bytes: number): void
}

export interface ExecGuest {
  readonly hostname: string
  readonly files: FakeTree
  nextPid(): number
  count(): number
}

type Send = (kind: number, payload: Uint8Array) => void

const SIGKILL = 9
const SIGTERM = 15
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' }

class Killed extends Error {
  readonly signal: number
  constructor(signal: number) {
    super(`signal ${signal}`)
    this.signal = signal
  }
}

/** null when it could not be started, which has been sent; else `onEnd` is called when the process is gone. */
export function startExec(guest: ExecGuest, start: ExecStartMessage, send: Send, onEnd: () => void): ExecStream | null {
  const fail = (reason: FailureReason, message: string): null => {
    send(Failed.kind, Failed.encode({ reason, message }))
    return null
  }
  const cwd = start.cwd || '/'
  if (!guest.files.isDirectory(cwd)) return fail('bad_cwd', `no such directory: ${cwd}`)
  if (!USERS.has(start.user)) return fail('bad_user', `no such user: ${start.user}`)
  const program = fileHelper(guest.files, start.argv, start.user) ?? findProgram(start.argv[0] ?? '')
  if (!program) return fail('program_not_found', `no such program: ${start.argv[0]}`)

  const pid = guest.nextPid()
  const end = new AbortController()
  const kill = (signal: number): void => {
    if (signal !== SIGTERM || !ignoresTerm) end.abort(new Killed(signal))
  }
  const input = queue<Uint8Array>()
  if (!start.stdin) input.push(null)
  const output = outputTo(send, start, end.signal)
  let ignoresTerm = false
  let timedOut = false

  const io: Io = {
    pid,
    cwd,
    env: new Map([...Object.entries(ENVIRONMENT), ...start.env.map(splitPair)]),
    files: guest.files,
    hostname: guest.hostname,
    count: () => guest.count(),
    signal: end.signal,
    async read() {
      const bytes = await input.take()
      if (bytes && start.guided) send(InputGranted.kind, InputGranted.encode({ bytes: bytes.length }))
      return bytes
    },
    write: output.write,
    ignoreTerm: () => (ignoresTerm = true),
    raise(signal) {
      end.abort(new Killed(signal))
      throw end.signal.reason
    },
  }
  const timers = new Set<NodeJS.Timeout>()
  if (start.timeoutMs > 0) {
    timers.add(
      setTimeout(() => {
        timedOut = true
        kill(SIGTERM)
        timers.add(setTimeout(() => kill(SIGKILL), start.graceMs))
      }, start.timeoutMs),
    )
  }
  const finish = (exitCode: number, signal: number): void => {
    for (const timer of timers) clearTimeout(timer)
    send(
      Exit.kind,
      Exit.encode({ exitCode, signal, timedOut, droppedStdout: BigInt(output.dropped[1]), droppedStderr: BigInt(output.dropped[2]) }),
    )
    onEnd()
  }
  send(ExecStarted.kind, ExecStarted.encode({ pid }))
  Promise.race([program(start.argv.slice(1), io), aborted(end.signal)]).then(
    (code) => finish(code & 0xff, 0),
    () => {
      const signal = end.signal.reason instanceof Killed ? end.signal.reason.signal : SIGKILL
      finish(128 + signal, signal)
    },
  )
  return { input: input.push, signal: kill, window: output.open }
}

function outputTo(send: Send, { window, outputLimit }: ExecStartMessage, signal: AbortSignal) {
  const state = { window, opened: Promise.withResolvers<void>() }
  const sent = { 1: 0, 2: 0 }
  const dropped = { 1: 0, 2: 0 }
  return {
    dropped,
    open(bytes: number) {
      state.window += bytes
      state.opened.resolve()
      state.opened = Promise.withResolvers()
    },
    async write(fd: 1 | 2, bytes: Uint8Array) {
      const allowed = outputLimit === 0 ? bytes.length : Math.min(bytes.length, outputLimit - sent[fd])
      dropped[fd] += bytes.length - allowed
      for (let at = 0; at < allowed;) {
        while (state.window === 0) await Promise.race([state.opened.promise, aborted(signal)])
        const part = bytes.subarray(at, Math.min(allowed, at + state.window))
        send(fd === 1 ? STDOUT : STDERR, part)
        state.window -= part.length
        sent[fd] += part.length
        at += part.length
      }
    },
  }
}

function queue<T>(): { push(item: T | null): void; take(): Promise<T | null> } {
  const items: (T | null)[] = []
  let waiting: ((item: T | null) => void) | null = null
  return {
    push(item) {
      if (waiting) waiting(item)
      else items.push(item)
      waiting = null
    },
    take() {
      const item = items.shift()
      return item === undefined ? new Promise((resolve) => (waiting = resolve)) : Promise.resolve(item)
    },
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
}
