// One connection to a terminal. The terminal goes on without it.

import type { PtyFrame } from '@nullspace/contract/terminals.ts'
import { errorFromFrame } from './error-map.ts'
import { MachineError, NotFoundError, TransportError } from './errors.ts'
import { exitCodeOf } from './process-output.ts'
import { disconnected, Reading } from './reading.ts'
import { bytesOf, type Begun } from './work-channel.ts'

/** In characters. */
export interface PtySize {
  readonly cols: number
  readonly rows: number
}

export interface PtyEnd {
  /** Of its shell; 128 + the signal's number when a signal ended it. */
  readonly exitCode: number
}

/** Bytes in one frame. */
const PIECE = 256 * 1024

/**
 * ```ts
 * await using terminal = await machine.pty.create({ cols: 120, rows: 30 })
 * terminal.write('ls\nexit\n')
 * for await (const bytes of terminal) process.stdout.write(bytes)
 * ```
 * A terminal waits for whoever reads it: read it, wait for it, or disconnect. A lost connection is not opened again, for nobody knows
 * how far the screen was shown; `machine.pty.connect` shows it anew.
 */
export class PtySession implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly sessionId: string
  readonly pid: number
  readonly #begun: Begun
  readonly #id: string
  readonly #kill: (sessionId: string) => Promise<void>
  readonly #reading: Reading<Uint8Array, PtyEnd>
  #size: PtySize
  /** How it went out, once it has. */
  #over: { readonly end: PtyEnd } | { readonly error: unknown } | undefined

  constructor(begun: Begun, id: string, kill: (sessionId: string) => Promise<void>) {
    const { session_id: sessionId, pid = 0, cols = 0, rows = 0 } = begun.first
    if (!sessionId) throw new MachineError('the daemon began a terminal without naming it', { code: 'invalid_response' })
    this.sessionId = sessionId
    this.pid = pid
    this.#size = { cols, rows }
    this.#begun = begun
    this.#id = id
    this.#kill = kill
    this.#reading = new Reading({ pull: () => this.#pull(), left: () => {} })
  }

  /** As it was at the beginning, or as this session has set it. */
  get size(): PtySize {
    return this.#size
  }

  /** What it shows, as it comes. @throws MachineError as `wait` */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#reading.loop()
  }

  /**
   * Resolves when it has ended. Takes what it shows away, but for a loop that is under way.
   * @throws TransportError when the connection was lost, MachineError `machine_failed` when the machine was paused or lost its
   * processes, `disconnected` after `disconnect`
   */
  wait({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<PtyEnd> {
    return this.#reading.drain(signal)
  }

  /** Types into it. @throws MachineError when it, or the connection, is over */
  write(data: string | Uint8Array): void {
    const bytes = Buffer.from(data)
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.#send({ type: 'pty_input', ...this.#name(), data_base64: bytes.subarray(at, at + PIECE).toString('base64') })
    }
  }

  /** @throws MachineError when it, or the connection, is over */
  resize({ cols, rows }: PtySize): void {
    this.#send({ type: 'pty_resize', ...this.#name(), cols, rows })
    this.#size = { cols, rows }
  }

  /** Ends it and what runs in it; resolves when it is gone, also when it was already. */
  async kill(): Promise<void> {
    try {
      await this.#kill(this.sessionId)
    } catch (error) {
      if (!(error instanceof NotFoundError) || error.code !== 'session_not_found') throw error
    }
  }

  /** Closes the connection; the terminal goes on. Loops end, `wait` rejects with `disconnected`. */
  disconnect(): void {
    this.#over ??= { error: disconnected() }
    this.#reading.halt()
    this.#begun.channel.close()
  }

  /** Ends the terminal. Errors of this library are ignored. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#over !== undefined && 'end' in this.#over
    this.disconnect()
    try {
      if (!ended) await this.kill()
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
    }
  }

  async #pull(): Promise<IteratorResult<Uint8Array, PtyEnd>> {
    while (!this.#over) {
      try {
        const frame = await this.#begun.next()
        if (frame === undefined) this.#over ??= { error: lost() }
        else if (frame.type === 'error') this.#over ??= { error: errorFromFrame(frame) }
        else if (frame.type === 'pty_exited') this.#over ??= { end: { exitCode: exitCodeOf(frame.exit_code) } }
        else if (frame.type === 'pty_output' && !this.#over) return { done: false, value: bytesOf(frame) }
      } catch (error) {
        this.#over ??= { error }
      }
    }
    this.#begun.channel.close()
    if ('error' in this.#over) throw this.#over.error
    return { done: true, value: this.#over.end }
  }

  #send(frame: PtyFrame): void {
    if (this.#over) throw 'error' in this.#over ? this.#over.error : new MachineError('the terminal has ended', { code: 'session_ended' })
    this.#begun.channel.send(frame)
  }

  #name(): { id: string; session_id: string } {
    return { id: this.#id, session_id: this.sessionId }
  }
}

const lost = (): TransportError =>
  new TransportError('lost the connection to the terminal', {
    reached: true,
    retryable: true,
    suggestedAction: 'The terminal goes on: connect to it again.',
  })
