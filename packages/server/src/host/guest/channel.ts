// One connection to an agent: sessions, streams, and the repeated Hello that makes both sides agree on where they are.

import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeMessage, FLAG_MORE, FLUSH_BYTES, FrameReader, MAX_MESSAGE, type Frame } from '@nullspace/guest-protocol/frame.ts'
import { GENERATION, MIN_GENERATION } from '@nullspace/guest-protocol/generation.ts'
import { Hello, type Identity, Ping, Ready, Welcome, type WelcomeMessage } from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'
import { ChannelLost, GuestFailure } from './guest.ts'

/** The time is added when it is sent. */
export type NewIdentity = Omit<Identity, 'nowNs'>

export interface StreamListener {
  message(kind: number, payload: Uint8Array): void
  lost(error: ChannelLost): void
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
  readonly #partial = new Map<number, Uint8Array[]>()
  #partialBytes = 0
  readonly #welcome = Promise.withResolvers<WelcomeMessage>()
  #agentStarts: number | undefined
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
  static async open(op: Op, socket: Duplex, { renew, flush }: { renew: NewIdentity | null; flush: boolean }): Promise<GuestChannel> {
    const channel = new GuestChannel(socket)
    try {
      const welcome = await channel.#greet(op, renew, flush)
      if (welcome.error !== '' || (renew && !welcome.renewed)) {
        throw new GuestFailure('io', `The guest could not take its identity: ${welcome.error || 'it did not confirm it'}`)
      }
      channel.#agentStarts = welcome.agentStarts
      return channel
    } catch (error) {
      channel.close()
      throw error
    }
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
    this.#streams.set(id, listener)
    this.#watch()
    return {
      id,
      send: (kind, payload) => this.#send(id, kind, payload),
      end: () => {
        this.#streams.delete(id)
        for (const part of this.#partial.get(id) ?? []) this.#partialBytes -= part.length
        this.#partial.delete(id)
        this.#watch()
      },
    }
  }

  /** Sends on the control stream and waits for the answer of the given kind. */
  async control(op: Op, kind: number, answer: number): Promise<void> {
    const answered = Promise.withResolvers<void>()
    this.#streams.set(0, {
      message: (got) => got === answer && answered.resolve(),
      lost: (error) => answered.reject(error),
    })
    try {
      this.#send(0, kind, NO_BYTES)
      await op.race(answered.promise)
    } finally {
      this.#streams.delete(0)
    }
  }

  close(): void {
    this.#lose(new ChannelLost('The channel to the machine’s agent was closed'))
    this.#socket.destroy()
  }

  async #greet(op: Op, renew: NewIdentity | null, flush: boolean): Promise<WelcomeMessage> {
    const answered = this.#welcome.promise.then(() => true)
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw this.#closed
      if (flush || attempt >= HELLO_AFTER_MS.length) this.#socket.write(new Uint8Array(FLUSH_BYTES))
      // The time as it is now: a guest that is slow to hear it must not be set back by that.
      const identity = renew && { ...renew, nowNs: BigInt(Date.now()) * 1_000_000n }
      this.#send(0, Hello.kind, Hello.encode({ minGeneration: MIN_GENERATION, maxGeneration: GENERATION, renew: identity }))
      const pause = new AbortController()
      const waited = sleep(HELLO_AFTER_MS[attempt] ?? HELLO_EVERY_MS, false, { signal: pause.signal }).catch(() => false)
      const done = await op.race(Promise.race([answered, waited]))
      pause.abort()
      if (done) return this.#welcome.promise
      if (attempt < HELLO_AFTER_MS.length) op.log(`no answer to hello ${attempt + 1} yet`)
    }
  }

  #send(stream: number, kind: number, payload: Uint8Array): void {
    if (this.#closed) throw this.#closed
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
    const payload = this.#join(frame)
    if (!payload) return
    if (frame.kind === Welcome.kind) {
      const welcome = Welcome.decode(payload)
      if (this.#agentStarts !== undefined && welcome.agentStarts !== this.#agentStarts)
        this.#lose(new ChannelLost('The machine’s agent was restarted'))
      this.#welcome.resolve(welcome)
    } else this.#streams.get(frame.stream)?.message(frame.kind, payload)
  }

  /**
   * The whole message, once its last frame is here. The guest may be malicious: only streams that we opened are joined,
   * and what is held for all of them together is bounded.
   */
  #join(frame: Frame): Uint8Array | null {
    const { stream, payload } = frame
    const more = (frame.flags & FLAG_MORE) !== 0
    const parts = this.#partial.get(stream)
    if (!more && !parts) return payload
    if (!this.#streams.has(stream) && stream !== 0) return null
    this.#partialBytes += payload.length
    if (this.#partialBytes > MAX_MESSAGE || (more && payload.length === 0))
      throw new RangeError('a message that is too long or goes nowhere')
    if (more) {
      if (parts) parts.push(payload)
      else this.#partial.set(stream, [payload])
      return null
    }
    const whole = Buffer.concat([...(parts ?? []), payload])
    this.#partial.delete(stream)
    this.#partialBytes -= whole.length
    return whole
  }

  #agentRestarted(): void {
    // During the greeting it is the agent's first start; the Hello on its way will be answered.
    if (this.#agentStarts !== undefined) this.#lose(new ChannelLost('The machine’s agent was restarted'))
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
    if (this.#closed || silentMs < HEARTBEAT_MS) return
    if (silentMs < 3 * HEARTBEAT_MS) this.#send(0, Ping.kind, NO_BYTES)
    else this.#send(0, Hello.kind, Hello.encode({ minGeneration: MIN_GENERATION, maxGeneration: GENERATION, renew: null }))
  }

  #lose(error: ChannelLost): void {
    if (this.#closed) return
    this.#closed = error
    clearInterval(this.#heartbeat)
    this.#welcome.reject(error)
    for (const listener of this.#streams.values()) listener.lost(error)
    this.#streams.clear()
    this.#partial.clear()
    this.#socket.destroy()
  }
}
