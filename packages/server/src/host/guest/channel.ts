// One connection to an agent: sessions, streams, and the repeated Hello that makes both sides agree on where they are.

import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeMessage, FLUSH_BYTES, FrameReader, type Frame } from '@nullspace/guest-protocol/frame.ts'
import { GENERATION, MIN_GENERATION } from '@nullspace/guest-protocol/generation.ts'
import {
  Hello,
  type Identity,
  Ping,
  Quiesce,
  Quiesced,
  Ready,
  SetClock,
  Thaw,
  Welcome,
  type WelcomeMessage,
} from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'
import { ChannelLost, GuestFailure, type Renewal } from './guest.ts'
import { Parts } from './parts.ts'

export interface StreamListener {
  message(kind: number, payload: Uint8Array): void
  lost(error: ChannelLost): void
}

/** From the moment Quiesce is sent: what would be sent after it waits here for the thaw. */
interface Quiet {
  readonly answered: PromiseWithResolvers<void>
  done: boolean
  held: { readonly stream: number; readonly kind: number; readonly payload: Uint8Array }[]
}

const NO_BYTES = new Uint8Array(0)
/** Under emulation an answer takes 10-50 ms; asking again sooner only makes the guest's work more. */
const HELLO_AFTER_MS = [60, 120, 240]
const HELLO_EVERY_MS = 300
const HEARTBEAT_MS = 2_000

export class GuestChannel {
  readonly #socket: Duplex
  readonly #session: bigint
  readonly #reader = new FrameReader()
  readonly #streams = new Map<number, StreamListener>()
  readonly #parts = new Parts()
  readonly #welcome = Promise.withResolvers<WelcomeMessage>()
  #agentStarts: number | undefined
  #generation = 0
  #quiet: Quiet | undefined
  /** Answers to come that nobody waits for any longer. */
  #lateQuiesced = 0
  #nextStream = 1
  #closed: ChannelLost | undefined
  #lastHeardAt = performance.now()
  #heartbeat: NodeJS.Timeout | undefined

  private constructor(socket: Duplex) {
    this.#socket = socket
    this.#session = randomBytes(8).readBigUInt64BE()
    this.#welcome.promise.catch(() => {})
    socket.on('error', (error) => this.#lose(new ChannelLost('The channel to the machine’s agent broke', { cause: error })))
    socket.on('close', () => this.#lose(new ChannelLost('The channel to the machine’s agent was closed')))
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk))
  }

  /**
   * Agrees on a session with the agent, giving the guest a new identity if there is one. `flush` ends a frame that an
   * earlier host may have left half-sent.
   */
  static async open(op: Op, socket: Duplex, { renew, flush }: { renew: Renewal | null; flush: boolean }): Promise<GuestChannel> {
    const channel = new GuestChannel(socket)
    try {
      const welcome = await channel.#greet(op, renew, flush)
      if (welcome.error !== '' || (renew && !welcome.renewed)) {
        throw new GuestFailure('io', `The guest could not take its identity: ${welcome.error || 'it did not confirm it'}`)
      }
      channel.#agentStarts = welcome.agentStarts
      channel.#generation = welcome.generation
      return channel
    } catch (error) {
      channel.close()
      throw error
    }
  }

  /** Of the protocol, as both sides know it. */
  get generation(): number {
    return this.#generation
  }
  get open(): boolean {
    return this.#closed === undefined
  }
  get session(): bigint {
    return this.#session
  }

  /** A new stream; `listener.lost` is called at most once, and after it nothing more. */
  stream(listener: StreamListener): { readonly id: number; send(kind: number, payload: Uint8Array): void; end(): void } {
    if (this.#closed) throw this.#closed
    const id = this.#nextStream++
    let begun = false
    this.#streams.set(id, listener)
    this.#watch()
    return {
      id,
      send: (kind, payload) => {
        if (this.#send(id, kind, payload)) begun = true
      },
      end: () => {
        this.#streams.delete(id)
        // Given up while the guest is quiet: it never hears of it. What has begun hears the last words to it.
        if (this.#quiet && !begun) this.#quiet.held = this.#quiet.held.filter(({ stream }) => stream !== id)
        this.#parts.forget(id)
        this.#watch()
      },
    }
  }

  /**
   * After it nothing is half-sent in either direction until thaw(); streams stay, and what is sent on them waits. When it
   * fails the guest is told to go on as if it had not been asked.
   */
  async quiesce(op: Op): Promise<void> {
    const quiet = this.#quiet ?? this.#hush()
    try {
      await op.race(quiet.answered.promise)
    } catch (error) {
      if (this.#quiet === quiet) this.thaw()
      throw error
    }
  }

  thaw(): void {
    const quiet = this.#quiet
    if (!quiet || this.#closed) return
    this.#quiet = undefined
    if (!quiet.done) this.#lateQuiesced++
    quiet.answered.reject(new Error('The guest was thawed before it was quiet'))
    // It was silent because it was told to be.
    this.#lastHeardAt = performance.now()
    this.#send(0, Thaw.kind, NO_BYTES)
    this.#send(0, SetClock.kind, SetClock.encode({ nowNs: nowNs() }))
    for (const { stream, kind, payload } of quiet.held) this.#send(stream, kind, payload)
  }

  close(error = new ChannelLost('The channel to the machine’s agent was closed')): void {
    this.#lose(error)
    this.#socket.destroy()
  }

  #hush(): Quiet {
    if (this.#closed) throw this.#closed
    const quiet: Quiet = { answered: Promise.withResolvers<void>(), done: false, held: [] }
    quiet.answered.promise.catch(() => {})
    this.#quiet = quiet
    this.#write(0, Quiesce.kind, NO_BYTES)
    return quiet
  }

  async #greet(op: Op, renew: Renewal | null, flush: boolean): Promise<WelcomeMessage> {
    const answered = this.#welcome.promise.then(() => true)
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw this.#closed
      if (flush || attempt >= HELLO_AFTER_MS.length) this.#socket.write(new Uint8Array(FLUSH_BYTES))
      // The time as it is now: a guest that is slow to hear it must not be set back by that.
      this.#hello(renew && identityOf(renew, nowNs()))
      const pause = new AbortController()
      const waited = sleep(HELLO_AFTER_MS[attempt] ?? HELLO_EVERY_MS, false, { signal: pause.signal }).catch(() => false)
      const done = await op.race(Promise.race([answered, waited]))
      pause.abort()
      if (done) return this.#welcome.promise
      if (attempt < HELLO_AFTER_MS.length) op.log(`no answer to hello ${attempt + 1} yet`)
    }
  }

  #hello(renew: Identity | null): void {
    this.#send(0, Hello.kind, Hello.encode({ minGeneration: MIN_GENERATION, maxGeneration: GENERATION, renew }))
  }

  /** False when it waits for the thaw. */
  #send(stream: number, kind: number, payload: Uint8Array): boolean {
    if (this.#closed) throw this.#closed
    if (this.#quiet) {
      this.#quiet.held.push({ stream, kind, payload })
      return false
    }
    this.#write(stream, kind, payload)
    return true
  }

  #write(stream: number, kind: number, payload: Uint8Array): void {
    for (const frame of encodeMessage(this.#session, stream, kind, payload)) this.#socket.write(frame)
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (frame.session === 0n && frame.kind === Ready.kind) this.#agentRestarted()
        else if (frame.session === this.#session) this.#take(frame)
      }
    } catch (error) {
      // The guest may be malicious: what it sends can end its channel, never the daemon.
      this.#lose(new ChannelLost('The machine’s agent broke the protocol', { cause: error }))
    }
  }

  #take(frame: Frame): void {
    this.#lastHeardAt = performance.now()
    // Only streams that we opened are joined.
    const payload = this.#parts.join(frame, frame.stream === 0 || this.#streams.has(frame.stream))
    if (!payload) return
    if (frame.kind === Welcome.kind) {
      const welcome = Welcome.decode(payload)
      if (this.#agentStarts !== undefined && welcome.agentStarts !== this.#agentStarts)
        this.#lose(new ChannelLost('The machine’s agent was restarted'))
      this.#welcome.resolve(welcome)
    } else if (frame.kind === Quiesced.kind) this.#quiesced()
    else this.#streams.get(frame.stream)?.message(frame.kind, payload)
  }

  #agentRestarted(): void {
    // During the greeting it is the agent's first start; the Hello on its way will be answered.
    if (this.#agentStarts !== undefined) this.#lose(new ChannelLost('The machine’s agent was restarted'))
  }

  #quiesced(): void {
    if (this.#lateQuiesced > 0) this.#lateQuiesced--
    else if (this.#quiet) {
      this.#quiet.done = true
      this.#quiet.answered.resolve()
    }
  }

  /** While something is under way, an agent that says nothing is asked; a restarted one shows by its count of starts. */
  #watch(): void {
    if (this.#streams.size === 0) {
      clearInterval(this.#heartbeat)
      this.#heartbeat = undefined
    } else this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS)
  }

  #beat(): void {
    const silentMs = performance.now() - this.#lastHeardAt
    if (this.#closed || this.#quiet || silentMs < HEARTBEAT_MS) return
    if (silentMs < 3 * HEARTBEAT_MS) this.#send(0, Ping.kind, NO_BYTES)
    else this.#hello(null)
  }

  #lose(error: ChannelLost): void {
    if (this.#closed) return
    this.#closed = error
    clearInterval(this.#heartbeat)
    this.#welcome.reject(error)
    this.#quiet?.answered.reject(error)
    this.#quiet = undefined
    for (const listener of this.#streams.values()) listener.lost(error)
    this.#streams.clear()
    this.#socket.destroy()
  }
}

function identityOf(renewal: Renewal, nowNs: bigint): Identity {
  const { seed } = renewal
  if (renewal.kind === 'same') return { nowNs, machineId: new Uint8Array(16), seed, hostname: '' }
  const { machineId, hostname, disconnect } = renewal
  return { nowNs, machineId, seed, hostname, disconnect }
}

/** Wall clock, ns since the epoch. */
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n
