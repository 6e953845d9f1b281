// A stream that belongs to a process: what it prints, what it is given, its end. Closing it leaves a kept process, and ends
// one that is guided.

import {
  Detach,
  ExecStarted,
  Exit,
  Failed,
  INPUT_CREDIT,
  InputGranted,
  Resize,
  Signal,
  STDERR,
  STDIN,
  StdinClose,
  STDOUT,
  type TerminalSize,
  Window,
} from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'
import { failure, figure } from './answers.ts'
import type { GuestChannel } from './channel.ts'
import { type Attachment, type AttachListener, ChannelLost, ProcessEnded } from './guest.ts'

const NO_BYTES = new Uint8Array(0)
/** Of one message of input; the agent takes it in without joining. */
const INPUT_PART = 32 * 1024
const SIGKILL = 9

export interface Opening {
  readonly kind: number
  readonly payload: Uint8Array
  readonly listener: AttachListener
  /** Bytes of output that may come before some are taken. */
  readonly window: number
  /** The process is nobody else's: it ends when it is left. */
  readonly guided?: true
}

export class ProcessAttachment implements Attachment {
  readonly #stream: ReturnType<GuestChannel['stream']>
  readonly #window: number
  readonly #guided: boolean
  #over: Error | undefined
  #inputCredit = INPUT_CREDIT
  /** Resolved when input was granted, and at the end. */
  #granted = Promise.withResolvers<void>()
  #outputCredit: number
  #owed = 0
  #pid = 0

  private constructor(channel: GuestChannel, { listener, window, guided }: Opening, started: PromiseWithResolvers<void>) {
    this.#window = window
    this.#guided = guided === true
    this.#outputCredit = window
    this.#stream = channel.stream({
      lost: (error) => {
        started.reject(error)
        if (this.#finish(error)) listener.lost(error)
      },
      message: (kind, payload) => {
        if (kind === STDOUT || kind === STDERR) {
          this.#outputCredit -= payload.length
          if (this.#outputCredit < 0) throw new RangeError('more output than agreed')
          listener.output(kind === STDOUT ? 'stdout' : 'stderr', payload)
        } else if (kind === ExecStarted.kind) {
          this.#pid = ExecStarted.decode(payload).pid
          started.resolve()
        } else if (kind === Failed.kind) {
          const error = failure(payload)
          started.reject(error)
          if (this.#finish(error)) listener.lost(error)
        } else if (kind === Exit.kind) {
          const exit = Exit.decode(payload)
          const ended = new ProcessEnded()
          // An agent of ours says first that it was started.
          started.reject(ended)
          if (!this.#finish(ended)) return
          listener.ended({
            exitCode: exit.exitCode,
            timedOut: exit.timedOut,
            droppedStdout: figure(exit.droppedStdout),
            droppedStderr: figure(exit.droppedStderr),
          })
        } else if (kind === InputGranted.kind) {
          this.#inputCredit = Math.min(INPUT_CREDIT, this.#inputCredit + InputGranted.decode(payload).bytes)
          this.#granted.resolve()
          this.#granted = Promise.withResolvers()
        }
      },
    })
  }

  /** Resolves when the agent has started or found the process; the listener may hear of output before that. */
  static async open(op: Op, channel: GuestChannel, opening: Opening): Promise<ProcessAttachment> {
    const started = Promise.withResolvers<void>()
    started.promise.catch(() => {})
    const attachment = new ProcessAttachment(channel, opening, started)
    try {
      attachment.#stream.send(opening.kind, opening.payload)
      await op.race(started.promise)
      return attachment
    } catch (error) {
      attachment.detach()
      throw error
    }
  }

  get pid(): number {
    return this.#pid
  }

  taken(bytes: number): void {
    this.#owed += bytes
    if (this.#over || this.#owed < this.#window / 4) return
    this.#stream.send(Window.kind, Window.encode({ bytes: this.#owed }))
    this.#outputCredit += this.#owed
    this.#owed = 0
  }

  async write(op: Op, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (this.#inputCredit === 0 && !this.#over) await op.race(this.#granted.promise)
      if (this.#over) throw this.#over
      const part = bytes.subarray(at, at + Math.min(INPUT_PART, this.#inputCredit))
      this.#stream.send(STDIN, part)
      this.#inputCredit -= part.length
      at += part.length
    }
  }

  async drained(op: Op): Promise<void> {
    while (this.#inputCredit < INPUT_CREDIT && !this.#over) await op.race(this.#granted.promise)
    if (this.#over && !(this.#over instanceof ProcessEnded)) throw this.#over
  }

  closeInput(): void {
    this.#send(StdinClose.kind, NO_BYTES)
  }

  signal(signal: number): void {
    this.#send(Signal.kind, Signal.encode({ signal }))
  }

  resize(size: TerminalSize): void {
    this.#send(Resize.kind, Resize.encode(size))
  }

  detach(): void {
    if (this.#over) return
    if (this.#guided) this.signal(SIGKILL)
    this.#send(Detach.kind, NO_BYTES)
    this.#finish(new ChannelLost('The process was left'))
  }

  #send(kind: number, payload: Uint8Array): void {
    if (!this.#over) this.#stream.send(kind, payload)
  }

  #finish(why: Error): boolean {
    if (this.#over) return false
    this.#over = why
    this.#granted.resolve()
    this.#stream.end()
    return true
  }
}
