// One open WebSocket: frames in and out, with bounds on what the other end can make us hold or wait for.
//
// Close codes: 1000 the client is done · 1001 the daemon stops · 1003 a binary frame · 1008 a frame that is not part of
// the protocol, or none within 15 s · 1009 a frame over the limit of the channel · 1011 the channel failed · 1013 the client does not
// read what it is sent. Two pings without an answer: the connection is dropped.

import { WebSocket } from 'ws'
import type { Logger } from '../../observe/logger.ts'

export interface SocketRules {
  /** A key that was revoked stops working on what is open, too. */
  readonly admitAgainEveryMs: number
  readonly pingEveryMs: number
  readonly firstFrameWithinMs: number
  /** Bytes that may wait to be read by the client. */
  readonly mostWaitingBytes: number
  /** The same for all connections of an owner together. */
  readonly mostWaitingBytesOfOwner: number
  /** Looks, one per ping interval, at which what waits did not get less. */
  readonly mostStalls: number
}

export const SOCKET_RULES: SocketRules = {
  admitAgainEveryMs: 5_000,
  pingEveryMs: 15_000,
  firstFrameWithinMs: 15_000,
  mostWaitingBytes: 4 * 1024 * 1024,
  mostWaitingBytesOfOwner: 64 * 1024 * 1024,
  mostStalls: 4,
}

const MISSED_PONGS = 2
/** Whoever sends a lot waits until less than this is unread. */
const LOW_WATER_BYTES = 256 * 1024

/** Of the most that may wait for an owner: from there on, a connection for which anything waits counts as crowded. */
const OWNER_LOW_WATER = 1 / 4

/** What waits to be read by all clients of an owner. */
export interface Waiting {
  bytes: number
}

export const CLOSE = { goingAway: 1001, unsupported: 1003, policy: 1008, failed: 1011, tryLater: 1013 } as const

export class ChannelSocket {
  /** Aborted when the connection is over, or is being closed. */
  readonly signal: AbortSignal
  readonly #ws: WebSocket
  readonly #rules: SocketRules
  readonly #ofOwner: Waiting
  readonly #log: Logger
  readonly #complaint: (message: string) => object
  readonly #over = new AbortController()
  #onFrame: ((frame: unknown) => void) | null = null
  #heard = false
  #gone = false
  #waitingBytes = 0
  #written = 0
  #writtenBefore = 0
  #stalls = 0
  #unanswered = 0
  #drained: PromiseWithResolvers<void> | null = null
  #last: { readonly code: number; readonly reason: string } | null = null

  constructor(
    ws: WebSocket,
    {
      rules,
      ofOwner,
      log,
      complaint,
    }: { rules: SocketRules; ofOwner: Waiting; log: Logger; complaint?: ((message: string) => object) | undefined },
  ) {
    this.#ws = ws
    this.#rules = rules
    this.#ofOwner = ofOwner
    this.#log = log
    this.#complaint = complaint ?? ((message) => ({ type: 'error', message, code: 'invalid_request' }))
    this.signal = this.#over.signal
    ws.on('message', (data, binary) => this.#receive(data as Buffer, binary))
    // What follows a broken frame is the closing, with the code that fits.
    ws.on('error', (error) => log.debug({ err: error }, 'a WebSocket client does not keep to the protocol'))
    ws.on('pong', () => (this.#unanswered = 0))
    const beat = setInterval(() => this.#beat(), rules.pingEveryMs)
    const first = setTimeout(() => this.#heard || this.refuse('The first frame did not come in time.'), rules.firstFrameWithinMs)
    for (const timer of [beat, first]) timer.unref()
    const end = (): void => {
      clearInterval(beat)
      clearTimeout(first)
      // What was not taken by now never is.
      this.#wait(-this.#waitingBytes)
      this.#gone = true
      this.#end()
    }
    ws.on('close', end)
  }

  /** One listener; a frame is any JSON value. */
  onFrame(listener: (frame: unknown) => void): void {
    this.#onFrame = listener
  }

  /** False: the client has to wait with what it sends. A pong is not heard then either, so none is missed. */
  set reading(on: boolean) {
    if (on === !this.#ws.isPaused) return
    if (on) this.#ws.resume()
    else this.#ws.pause()
  }

  /** Bytes that the client has not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get crowded(): boolean {
    if (this.#waitingBytes > LOW_WATER_BYTES) return true
    return this.#waitingBytes > 0 && this.#ofOwner.bytes > this.#rules.mostWaitingBytesOfOwner * OWNER_LOW_WATER
  }

  send(frame: object): void {
    if (this.signal.aborted || this.#last) return
    const text = Buffer.from(JSON.stringify(frame))
    // The limit first: a client that reads nothing must not make us hold one frame more.
    if (
      this.#waitingBytes + text.length > this.#rules.mostWaitingBytes ||
      this.#ofOwner.bytes + text.length > this.#rules.mostWaitingBytesOfOwner
    )
      return this.close(CLOSE.tryLater, 'more is waiting to be read than is held')
    this.#wait(text.length)
    this.#ws.send(text, { binary: false }, () => {
      if (this.#gone) return
      this.#wait(-text.length)
      this.#written += text.length
      if (!this.crowded) this.#letOn()
      if (this.#last && this.#waitingBytes === 0) this.close(this.#last.code, this.#last.reason)
    })
  }

  #wait(bytes: number): void {
    this.#waitingBytes += bytes
    this.#ofOwner.bytes += bytes
  }

  /** Resolves when little enough waits that more may be sent, and at the end of the connection. */
  async drained(): Promise<void> {
    if (!this.crowded || this.signal.aborted) return
    this.#drained ??= Promise.withResolvers()
    await this.#drained.promise
  }

  /** For a client that does not keep to the protocol. */
  refuse(message: string, code: number = CLOSE.policy): void {
    this.send(this.#complaint(message))
    this.close(code, message)
  }

  /** For a fault of ours. */
  fail(error: unknown): void {
    if (this.signal.aborted) return
    this.#log.error({ err: error }, 'a WebSocket channel failed')
    this.close(CLOSE.failed, 'the channel failed inside the daemon')
  }

  /** Closes when all that was sent is read; nothing is sent any more. Who does not read it is given up as ever. */
  finish(code: number, reason: string): void {
    this.#last ??= { code, reason }
    if (this.#waitingBytes === 0) this.close(code, reason)
  }

  /** The other end gets a moment to answer; then the connection is dropped, with what it has not read. */
  close(code: number, reason: string): void {
    this.#ws.close(code, shortened(reason))
    this.#end()
  }

  #end(): void {
    this.#over.abort()
    this.#letOn()
  }

  #letOn(): void {
    const waiting = this.#drained
    this.#drained = null
    waiting?.resolve()
  }

  #receive(data: Buffer, binary: boolean): void {
    this.#heard = true
    this.#unanswered = 0
    if (this.signal.aborted) return
    if (binary) return this.refuse('Frames are JSON text.', CLOSE.unsupported)
    let frame: unknown
    try {
      frame = JSON.parse(data.toString('utf8'))
    } catch {
      return this.refuse('The frame is not JSON.')
    }
    try {
      this.#onFrame?.(frame)
    } catch (error) {
      this.fail(error)
    }
  }

  #beat(): void {
    if (this.#waitingBytes > 0) {
      // It may be busy with what we sent; a ping would stand behind that, so its answer says nothing.
      this.#stalls = this.#written === this.#writtenBefore ? this.#stalls + 1 : 0
      this.#writtenBefore = this.#written
      if (this.#stalls >= this.#rules.mostStalls) this.close(CLOSE.tryLater, 'what was sent is not read')
      return
    }
    this.#stalls = 0
    if (this.#ws.isPaused) {
      // Its answer is not read now; but writing to a client that is gone fails, which nothing else would tell.
      if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
      return
    }
    if (this.#unanswered >= MISSED_PONGS) return this.#ws.terminate()
    this.#unanswered++
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
  }
}

/** As much as a closing frame holds. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason)
  return bytes.length <= 123
    ? reason
    : `${bytes
        .subarray(0, 117)
        .toString('utf8')
        .replace(/\uFFFD+$/, '')}…`
}
