// The agent of one machine: keeps a channel to it, opening a new one when the last broke.

import type { Duplex } from 'node:stream'
import {
  Done,
  ExecStart,
  ExecStarted,
  Exit,
  Failed,
  GrowDisk,
  Quiesce,
  Quiesced,
  Signal,
  STDERR,
  STDOUT,
  Window,
} from '@nullspace/guest-protocol/messages.ts'
import { Op } from '../../observe/op.ts'
import { GuestChannel, type NewIdentity } from './channel.ts'
import { type ExecOutcome, type ExecRequest, type Guest, GuestFailure, OutputTooMuch } from './guest.ts'
import { OutputBudget } from './output-budget.ts'

/** Output the agent may send ahead of us, bytes. */
const WINDOW_BYTES = 1024 * 1024
/** Between SIGTERM and SIGKILL when a command's time is up. */
const GRACE_MS = 1_000
const SIGKILL = 9
const REOPEN_TIMEOUT_MS = 15_000

export class GuestClient implements Guest {
  readonly #connect: (op: Op) => Promise<Duplex>
  readonly #budget: OutputBudget
  #channel: GuestChannel | undefined
  #opening: Promise<GuestChannel> | undefined

  constructor(connect: (op: Op) => Promise<Duplex>, budget: OutputBudget = new OutputBudget(Infinity)) {
    this.#connect = connect
    this.#budget = budget
  }

  /** First words to a restored guest: it becomes a machine of its own. */
  async renew(op: Op, identity: NewIdentity): Promise<void> {
    await this.#open(op, { renew: identity, flush: false })
  }

  async exec(op: Op, request: ExecRequest): Promise<ExecOutcome> {
    const channel = await this.#ready(op)
    const outcome = Promise.withResolvers<ExecOutcome>()
    const stdout: Uint8Array[] = []
    const stderr: Uint8Array[] = []
    let pid = 0
    const kept = { [STDOUT]: 0, [STDERR]: 0 }
    const held = this.#budget.take()
    let owed = 0
    let credit = WINDOW_BYTES
    const stream = channel.stream({
      lost: outcome.reject,
      message(kind, payload) {
        if (kind === STDOUT || kind === STDERR) {
          ;(kind === STDOUT ? stdout : stderr).push(payload)
          owed += payload.length
          credit -= payload.length
          kept[kind] += payload.length
          // An agent that is one of ours keeps to both; another is not listened to any longer.
          if (credit < 0 || (request.outputLimit > 0 && kept[kind] > request.outputLimit)) throw new RangeError('more output than agreed')
          if (!held.add(payload.length)) {
            stream.send(Signal.kind, Signal.encode({ signal: SIGKILL }))
            stream.end()
            outcome.reject(new OutputTooMuch())
            return
          }
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
            stdout: Buffer.concat(stdout),
            stderr: Buffer.concat(stderr),
            droppedStdout: Number(exit.droppedStdout),
            droppedStderr: Number(exit.droppedStderr),
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
          stdin: false,
          cwd: request.cwd,
          user: request.user,
          argv: request.argv,
          env: Object.entries(request.env).map(([key, value]) => `${key}=${value}`),
        }),
      )
      return await op.race(outcome.promise)
    } finally {
      stream.end()
      held.release()
    }
  }

  async growDisk(op: Op): Promise<void> {
    const channel = await this.#ready(op)
    const outcome = Promise.withResolvers<void>()
    const stream = channel.stream({
      lost: outcome.reject,
      message: (kind, payload) => (kind === Done.kind ? outcome.resolve() : kind === Failed.kind && outcome.reject(failure(payload))),
    })
    try {
      stream.send(GrowDisk.kind, new Uint8Array(0))
      await op.race(outcome.promise)
    } finally {
      stream.end()
    }
  }

  /** After it nothing is half-sent in either direction, and the channel is closed: the VM may be snapshotted. */
  async quiesce(op: Op): Promise<void> {
    const channel = await this.#ready(op)
    await channel.control(op, Quiesce.kind, Quiesced.kind)
  }

  close(): void {
    this.#channel?.close()
    this.#channel = undefined
  }

  /** The open channel, or a new one to an agent of which nothing is known. */
  async #ready(op: Op): Promise<GuestChannel> {
    if (this.#channel?.open) return this.#channel
    this.#opening ??= this.#reopen().finally(() => (this.#opening = undefined))
    return op.race(this.#opening)
  }

  /** Under a deadline of its own: it serves every caller that waits for it, not only the first. */
  async #reopen(): Promise<GuestChannel> {
    using op = new Op('open the agent channel', { timeoutMs: REOPEN_TIMEOUT_MS })
    return await this.#open(op, { renew: null, flush: true })
  }

  async #open(op: Op, how: { renew: NewIdentity | null; flush: boolean }): Promise<GuestChannel> {
    this.close()
    const socket = await this.#connect(op)
    this.#channel = await GuestChannel.open(op, socket, how)
    return this.#channel
  }
}

function failure(payload: Uint8Array): GuestFailure {
  const { reason, message } = Failed.decode(payload)
  return new GuestFailure(reason, message)
}
