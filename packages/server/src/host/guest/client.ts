// The agent of one machine: keeps a channel to it, opening a new one when the last broke, until it is closed.

import type { Duplex } from 'node:stream'
import {
  Attach,
  Done,
  ExecStart,
  Failed,
  GrowDisk,
  GuestStat as AskStat,
  GuestStatResult,
  Processes,
  ProcessList,
} from '@nullspace/guest-protocol/messages.ts'
import { Op } from '../../observe/op.ts'
import { failure, figure } from './answers.ts'
import { ProcessAttachment } from './attachment.ts'
import { GuestChannel } from './channel.ts'
import { GRACE_MS, pairs, readLogs, runCommand, WINDOW_BYTES } from './collect.ts'
import { type FilesAs, HELPER_WINDOW } from './file-helper.ts'
import { FileHelpers } from './file-helpers.ts'
import {
  ChannelLost,
  type ExecOutcome,
  type ExecRequest,
  type Attachment,
  type AttachListener,
  type Guest,
  GuestFailure,
  type GuestStat,
  type ProcessEntry,
  type ProcessLogs,
  type Renewal,
  type StartRequest,
} from './guest.ts'
import type { GuestFiles } from './guest-files.ts'
import { helperFiles } from './helper-files.ts'
import { OutputBudget } from './output-budget.ts'

/** A part of the agent's program. */
const FILE_HELPER = ['/usr/lib/nullspace/agent', 'files']
/** Since then processes can be kept. */
const KEEPING_GENERATION = 3
const REOPEN_TIMEOUT_MS = 15_000

export class GuestClient implements Guest {
  readonly #connect: (op: Op) => Promise<Duplex>
  readonly #budget: OutputBudget
  readonly #helpers = new FileHelpers((op, as, listener) => this.#startHelper(op, as, listener))
  #channel: GuestChannel | undefined
  #opening: { readonly channel: Promise<GuestChannel>; readonly stop: AbortController } | undefined
  /** Set by close(): from then on only a renewal opens a channel. */
  #closed: ChannelLost | undefined

  constructor(connect: (op: Op) => Promise<Duplex>, budget: OutputBudget = new OutputBudget(Infinity)) {
    this.#connect = connect
    this.#budget = budget
  }

  /** First words to a guest whose vCPUs stood still, on a channel of their own. They end what was under way before. */
  async renew(op: Op, renewal: Renewal): Promise<void> {
    await this.#begin(op, { renew: renewal, flush: false })
  }

  async exec(op: Op, request: ExecRequest): Promise<ExecOutcome> {
    return await runCommand(op, await this.#ready(op), this.#budget, request)
  }

  async start(op: Op, request: StartRequest, listener: AttachListener): Promise<Attachment> {
    const { terminal, id, label, env, ...rest } = request
    const start = {
      ...rest,
      graceMs: GRACE_MS,
      window: WINDOW_BYTES,
      outputLimit: 0,
      stdin: true,
      env: pairs(env),
      kept: { terminal, id, label },
    }
    return ProcessAttachment.open(op, await this.#keeping(op), {
      kind: ExecStart.kind,
      payload: ExecStart.encode(start),
      listener,
      window: WINDOW_BYTES,
    })
  }

  async attach(op: Op, pid: number, mode: 'wait' | 'follow', listener: AttachListener): Promise<Attachment> {
    const payload = Attach.encode({ pid, mode, window: WINDOW_BYTES })
    return ProcessAttachment.open(op, await this.#keeping(op), { kind: Attach.kind, payload, listener, window: WINDOW_BYTES })
  }

  async processes(op: Op): Promise<readonly ProcessEntry[]> {
    await this.#keeping(op)
    return ProcessList.decode(await this.#ask(op, Processes.kind, ProcessList.kind)).processes
  }

  async logs(op: Op, pid: number): Promise<ProcessLogs> {
    return await readLogs(op, await this.#keeping(op), this.#budget, pid)
  }

  files(as: FilesAs): GuestFiles {
    return helperFiles(this.#helpers, as)
  }

  async growDisk(op: Op, diskBytes: number): Promise<void> {
    await this.#ask(op, GrowDisk.kind, Done.kind, GrowDisk.encode({ diskBytes: BigInt(diskBytes) }))
  }

  /** Of the protocol that its agent speaks. */
  async generation(op: Op): Promise<number> {
    return (await this.#ready(op)).generation
  }

  async stat(op: Op): Promise<GuestStat> {
    const stat = GuestStatResult.decode(await this.#ask(op, AskStat.kind, GuestStatResult.kind))
    const total = { cpu: figure(stat.cpuTotalTicks), mem: figure(stat.memTotalBytes), disk: figure(stat.diskTotalBytes) }
    // A part is no more than the whole, whatever a guest says.
    return {
      cpuTotalTicks: total.cpu,
      cpuIdleTicks: Math.min(total.cpu, figure(stat.cpuIdleTicks)),
      cpuCount: stat.cpuCount,
      memTotalBytes: total.mem,
      memAvailableBytes: Math.min(total.mem, figure(stat.memAvailableBytes)),
      diskTotalBytes: total.disk,
      diskUsedBytes: Math.min(total.disk, figure(stat.diskUsedBytes)),
      netRxBytes: figure(stat.netRxBytes),
      netTxBytes: figure(stat.netTxBytes),
    }
  }

  /**
   * After it nothing is half-sent in either direction: the VM may be snapshotted. Then either thaw() or close(). Commands
   * that run stay, and new ones wait. When it fails, everything is as if it had not been asked.
   */
  async quiesce(op: Op): Promise<void> {
    await (await this.#ready(op)).quiesce(op)
  }

  /** The machine goes on as it is: what waited is sent, and what its commands printed meanwhile comes. */
  thaw(): void {
    this.#channel?.thaw()
  }

  /** What is under way is lost for the reason given, and so is what comes later, until the guest is renewed. */
  close(reason = 'The channel to the machine’s agent was closed'): void {
    const error = new ChannelLost(reason)
    this.#closed = error
    this.#opening?.stop.abort(error)
    this.#channel?.close(error)
    this.#channel = undefined
  }

  async #startHelper(op: Op, { user, base }: FilesAs, listener: AttachListener): Promise<Attachment> {
    const start = {
      timeoutMs: 0,
      graceMs: GRACE_MS,
      window: HELPER_WINDOW,
      outputLimit: 0,
      stdin: true,
      cwd: '/',
      user,
      argv: [...FILE_HELPER, base],
      env: [],
      guided: true,
    } as const
    return ProcessAttachment.open(op, await this.#keeping(op), {
      kind: ExecStart.kind,
      payload: ExecStart.encode(start),
      listener,
      window: HELPER_WINDOW,
      guided: true,
    })
  }

  /** A channel to an agent that keeps processes. */
  async #keeping(op: Op): Promise<GuestChannel> {
    const channel = await this.#ready(op)
    if (channel.generation >= KEEPING_GENERATION) return channel
    throw new GuestFailure('unsupported', 'this machine was made with an older agent, which keeps no processes; create a new machine')
  }

  /** Asks on a stream of its own and waits for the answer of the given kind. */
  async #ask(op: Op, kind: number, answer: number, question: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> {
    const channel = await this.#ready(op)
    const outcome = Promise.withResolvers<Uint8Array>()
    const stream = channel.stream({
      lost: outcome.reject,
      message: (got, payload) => (got === answer ? outcome.resolve(payload) : got === Failed.kind && outcome.reject(failure(payload))),
    })
    try {
      stream.send(kind, question)
      return await op.race(outcome.promise)
    } finally {
      stream.end()
    }
  }

  /** The open channel, the one that is being opened, or a new one to an agent of which nothing is known. */
  async #ready(op: Op): Promise<GuestChannel> {
    if (this.#channel?.open) return this.#channel
    if (this.#opening) return op.race(this.#opening.channel)
    if (this.#closed) throw this.#closed
    return op.race(this.#reopen())
  }

  /** Under a deadline of its own: it serves every caller that waits for it, not only the first. */
  async #reopen(): Promise<GuestChannel> {
    using op = new Op('open the agent channel', { timeoutMs: REOPEN_TIMEOUT_MS })
    return await this.#begin(op, { renew: null, flush: true })
  }

  /** The newest opening is the one that counts: it ends another that is under way, and the channel there was. */
  async #begin(op: Op, how: { renew: Renewal | null; flush: boolean }): Promise<GuestChannel> {
    const replaced = new ChannelLost('Another channel to the machine’s agent was opened')
    this.#opening?.stop.abort(replaced)
    this.#channel?.close(replaced)
    this.#channel = undefined
    const stop = new AbortController()
    const channel = this.#open(op, stop.signal, how)
    channel.catch(() => {})
    const opening = { channel, stop }
    this.#opening = opening
    try {
      return await channel
    } finally {
      if (this.#opening === opening) this.#opening = undefined
    }
  }

  async #open(op: Op, stop: AbortSignal, how: { renew: Renewal | null; flush: boolean }): Promise<GuestChannel> {
    using part = new Op(op.name, { timeoutMs: op.remainingMs, signal: AbortSignal.any([op.signal, stop]) })
    part.log = (text) => op.log(text)
    const socket = await part.race(this.#connect(part), (late) => late.destroy())
    const channel = await GuestChannel.open(part, socket, how)
    if (stop.aborted) channel.close(stop.reason)
    stop.throwIfAborted()
    this.#channel = channel
    this.#closed = undefined
    return channel
  }
}
