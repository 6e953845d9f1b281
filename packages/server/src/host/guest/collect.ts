// Output that is collected to its end before it is handed on: what is held of all commands together is bounded by a budget.

import {
  Attach,
  ExecStart,
  ExecStarted,
  Exit,
  Failed,
  Logged,
  Signal,
  STDERR,
  STDIN,
  StdinClose,
  STDOUT,
  Window,
} from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'
import { failure, figure } from './answers.ts'
import type { GuestChannel } from './channel.ts'
import { Gathered } from './gathered.ts'
import { type ExecOutcome, type ExecRequest, OutputTooMuch, type ProcessLogs } from './guest.ts'
import type { OutputBudget } from './output-budget.ts'

/** Output the agent may send ahead of us, bytes. */
export const WINDOW_BYTES = 1024 * 1024
/** Between SIGTERM and SIGKILL when a command's time is up. */
export const GRACE_MS = 1_000
const SIGKILL = 9
/** The most that an agent keeps of one process. */
const LOG_BYTES = 2 * 1024 * 1024
/** What each change between the two outputs takes of memory, besides its bytes. */
const PART_COSTS = 512

export async function runCommand(op: Op, channel: GuestChannel, budget: OutputBudget, request: ExecRequest): Promise<ExecOutcome> {
  const outcome = Promise.withResolvers<ExecOutcome>()
  const printed = { [STDOUT]: new Gathered(), [STDERR]: new Gathered() }
  let pid = 0
  const held = budget.take()
  let owed = 0
  let credit = WINDOW_BYTES
  const stream = channel.stream({
    lost: outcome.reject,
    message(kind, payload) {
      if (kind === STDOUT || kind === STDERR) {
        owed += payload.length
        credit -= payload.length
        // An agent that is one of ours keeps to both; another is not listened to any longer.
        if (credit < 0 || (request.outputLimit > 0 && printed[kind].bytes + payload.length > request.outputLimit))
          throw new RangeError('more output than agreed')
        if (!held.add(payload.length)) {
          stream.send(Signal.kind, Signal.encode({ signal: SIGKILL }))
          stream.end()
          outcome.reject(new OutputTooMuch())
          return
        }
        printed[kind].add(payload)
        if (owed >= WINDOW_BYTES / 2) {
          stream.send(Window.kind, Window.encode({ bytes: owed }))
          credit += owed
          owed = 0
        }
      } else if (kind === ExecStarted.kind) pid = ExecStarted.decode(payload).pid
      else if (kind === Failed.kind) outcome.reject(failure(payload))
      else if (kind === Exit.kind) {
        const exit = Exit.decode(payload)
        outcome.resolve({
          exitCode: exit.exitCode,
          signal: exit.signal,
          timedOut: exit.timedOut,
          pid,
          stdout: printed[STDOUT].whole(),
          stderr: printed[STDERR].whole(),
          droppedStdout: figure(exit.droppedStdout),
          droppedStderr: figure(exit.droppedStderr),
        })
      }
    },
  })
  try {
    stream.send(
      ExecStart.kind,
      ExecStart.encode({
        timeoutMs: request.timeoutMs,
        graceMs: GRACE_MS,
        window: WINDOW_BYTES,
        outputLimit: request.outputLimit,
        stdin: request.input !== undefined,
        cwd: request.cwd,
        user: request.user,
        argv: request.argv,
        env: pairs(request.env),
      }),
    )
    if (request.input) {
      if (request.input.length > 0) stream.send(STDIN, request.input)
      stream.send(StdinClose.kind, StdinClose.encode(null))
    }
    return await op.race(outcome.promise)
  } finally {
    stream.end()
    held.release()
  }
}

export async function readLogs(op: Op, channel: GuestChannel, budget: OutputBudget, pid: number): Promise<ProcessLogs> {
  const outcome = Promise.withResolvers<ProcessLogs>()
  const parts: { readonly kind: 'stdout' | 'stderr'; readonly text: Gathered }[] = []
  const held = budget.take()
  let got = 0
  const stream = channel.stream({
    lost: outcome.reject,
    message(kind, payload) {
      if (kind === STDOUT || kind === STDERR) {
        got += payload.length
        if (got > LOG_BYTES) throw new RangeError('more of a log than is kept')
        const of = kind === STDOUT ? 'stdout' : 'stderr'
        const fresh = parts.at(-1)?.kind !== of
        if (!held.add(payload.length + (fresh ? PART_COSTS : 0))) return outcome.reject(new OutputTooMuch())
        if (fresh) parts.push({ kind: of, text: new Gathered() })
        parts.at(-1)?.text.add(payload)
      } else if (kind === Failed.kind) outcome.reject(failure(payload))
      else if (kind === Logged.kind) {
        const { running, exit } = Logged.decode(payload)
        outcome.resolve({
          parts: parts.map((part) => ({ kind: part.kind, bytes: part.text.whole() })),
          running,
          exitCode: exit.exitCode,
          droppedStdout: figure(exit.droppedStdout),
          droppedStderr: figure(exit.droppedStderr),
        })
      }
    },
  })
  try {
    stream.send(Attach.kind, Attach.encode({ pid, mode: 'logs', window: LOG_BYTES }))
    return await op.race(outcome.promise)
  } finally {
    stream.end()
    held.release()
  }
}

export const pairs = (env: Readonly<Record<string, string>>): string[] => Object.entries(env).map(([key, value]) => `${key}=${value}`)
