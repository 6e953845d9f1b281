// A running file helper: a process in the guest that answers one request after the other. The guest may be malicious: what
// comes is held up to the window, parsed only when asked for, and anything against the protocol ends the helper.

import type { Op } from '../../observe/op.ts'
import { encodeFileFrame, type FileFrame, frameBytes, FrameQueue } from './file-frames.ts'
import { type Attachment, type AttachListener, GuestFailure } from './guest.ts'

/** Whose files: of a user (empty = root) who works in `base` (empty = in the home directory). */
export interface FilesAs {
  readonly user: string
  readonly base: string
}

/** Starts the program as a process that ends with its stream. */
export type StartHelper = (op: Op, as: FilesAs, listener: AttachListener) => Promise<Attachment>

/**
 * Output that a helper may be ahead of us, bytes. An attachment asks for more when a quarter was taken, and a whole frame has
 * to fit into the rest.
 */
export const HELPER_WINDOW = 512 * 1024
/** Of what it says in its last moments, characters. */
const COMPLAINT_CHARACTERS = 300

export class FileHelper {
  readonly #queue = new FrameQueue()
  #attachment: Attachment | undefined
  /** Taken before the attachment was there, bytes. */
  #early = 0
  #next: FileFrame | null = null
  #over: Error | undefined
  #resting = false
  #complaint = ''
  #heard: (() => void) | undefined
  #ended: (() => void) | undefined

  private constructor() {}

  static async start(op: Op, as: FilesAs, start: StartHelper): Promise<FileHelper> {
    const helper = new FileHelper()
    const listener: AttachListener = {
      output: (kind, bytes) => (kind === 'stdout' ? helper.#output(bytes) : helper.#complain(bytes)),
      ended: ({ exitCode }) => helper.#end(new GuestFailure('io', helper.#lastWords(exitCode))),
      lost: (error) => helper.#end(error),
    }
    try {
      helper.#attachment = await start(op, as, listener)
    } catch (error) {
      throw helper.#over ?? error
    }
    helper.#attachment.taken(helper.#early)
    return helper
  }

  get alive(): boolean {
    return this.#over === undefined
  }
  /** Came and was not asked for yet, bytes. */
  get held(): number {
    return this.#queue.held + (this.#next ? frameBytes(this.#next) : 0)
  }

  async send(op: Op, kind: number, payload: Uint8Array): Promise<void> {
    if (this.#over) throw this.#over
    try {
      await this.#attachment?.write(op, encodeFileFrame(kind, payload))
    } catch (error) {
      throw this.#over ?? error
    }
  }

  /** The next frame. What came before its end is heard before the end is. */
  async next(op: Op): Promise<FileFrame> {
    await this.answered(op)
    const frame = this.#next
    if (!frame) throw this.#over ?? new GuestFailure('io', 'The file helper in the machine says nothing')
    this.#next = null
    this.#taken(frameBytes(frame))
    return frame
  }

  /** Resolves when next() has something to return or to throw. */
  async answered(op: Op): Promise<void> {
    while (this.peek() === null && !this.#over) {
      let stop: () => void = () => {}
      try {
        await op.race(new Promise<void>((resolve) => (stop = this.whenHeard(resolve))))
      } finally {
        stop()
      }
    }
  }

  /** What next() would return now; null: nothing yet. Throws when it cannot be a frame. */
  peek(): FileFrame | null {
    try {
      return (this.#next ??= this.#queue.next())
    } catch (error) {
      throw this.breach(error)
    }
  }

  /** Calls once, when more has come or the helper is over. One listens at a time; the answer ends that. */
  whenHeard(then: () => void): () => void {
    this.#heard = then
    return () => {
      if (this.#heard === then) this.#heard = undefined
    }
  }

  /** Nothing is under way: from now on it has nothing to say, and `ended` hears when it is over. False when it is no good. */
  rest(ended: () => void): boolean {
    if (this.alive && this.held > 0) this.breach('it says more than it was asked')
    if (!this.alive) return false
    this.#resting = true
    this.#ended = ended
    return true
  }

  wake(): void {
    this.#resting = false
    this.#ended = undefined
  }

  /** Ends it: it broke the rules, as the returned error says. */
  breach(cause: unknown): Error {
    const error = new GuestFailure('io', `The file helper in the machine broke its protocol: ${wordsOf(cause)}`)
    this.kill(error)
    return error
  }

  /** The process is ended, wherever it is; who waits for it hears why. */
  kill(why: Error): void {
    if (this.#over) return
    this.#end(why)
    this.#queue.clear()
    this.#next = null
    this.#attachment?.detach()
  }

  #output(bytes: Uint8Array): void {
    if (this.#over) return
    this.#queue.push(bytes)
    if (this.#resting) this.breach('it speaks unasked')
    else this.#hear()
  }

  #complain(bytes: Uint8Array): void {
    if (this.#complaint.length < COMPLAINT_CHARACTERS) {
      this.#complaint += Buffer.from(bytes.subarray(0, COMPLAINT_CHARACTERS)).toString()
      this.#complaint = this.#complaint.slice(0, COMPLAINT_CHARACTERS)
    }
    this.#taken(bytes.length)
  }

  #taken(bytes: number): void {
    if (this.#attachment) this.#attachment.taken(bytes)
    else this.#early += bytes
  }

  #lastWords(exitCode: number): string {
    const said = this.#complaint.trim()
    return `The file helper in the machine ended with exit code ${exitCode}${said && `: ${said}`}`
  }

  #end(why: Error): void {
    if (this.#over) return
    this.#over = why
    this.#hear()
    this.#ended?.()
    this.#ended = undefined
  }

  #hear(): void {
    const heard = this.#heard
    this.#heard = undefined
    heard?.()
  }
}

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
