// One request to a file helper, from taking the helper to the last word of the answer.

import type { Codec } from '@nullspace/guest-protocol/codec.ts'
import { Done, Refused } from '@nullspace/guest-protocol/files.ts'
import { Op } from '../../observe/op.ts'
import type { FileFrame } from './file-frames.ts'
import type { FilesAs } from './file-helper.ts'
import type { FileHelpers, Lease } from './file-helpers.ts'
import { ChannelLost } from './guest.ts'
import { FileRefused } from './guest-files.ts'

export interface FileRequest {
  readonly kind: number
  readonly payload: Uint8Array
  /** Asked twice it does the same: a helper that died with it before a word may be replaced. */
  readonly repeatable: boolean
  /** With contents, or an answer of any length: it takes as long as the other end likes. */
  readonly flows: boolean
}

/** Of the guest's words on a refusal, characters. */
const REFUSAL_CHARACTERS = 500

export class FileCall {
  readonly #lease: Lease
  readonly #abort = (): void => this.drop(this.#op.signal.reason as Error)
  #op: Op
  #open = true
  /** Why there is no more of the answer. */
  #cut: Error | undefined

  private constructor(op: Op, lease: Lease) {
    this.#op = op
    this.#lease = lease
    op.signal.addEventListener('abort', this.#abort, { once: true })
  }

  /** Resolves when the helper has begun to answer. */
  static async begin(op: Op, helpers: FileHelpers, as: FilesAs, request: FileRequest): Promise<FileCall> {
    for (let attempt = 0; ; attempt++) {
      const lease = await helpers.take(op, as, { fresh: attempt > 0, flows: request.flows })
      const call = new FileCall(op, lease)
      try {
        await call.#ask(request)
        return call
      } catch (error) {
        const again = attempt === 0 && lease.reused && request.repeatable && !op.signal.aborted && !(error instanceof ChannelLost)
        call.drop()
        if (!again) throw error
        op.log('the file helper was gone; taking another')
      }
    }
  }

  /** With a helper that is kept to its end, and answers for as long as it is not dropped. */
  static async keep(op: Op, lease: Lease, request: FileRequest): Promise<FileCall> {
    const call = new FileCall(op, lease)
    try {
      await call.#ask(request)
      return call
    } catch (error) {
      call.drop()
      throw error
    }
  }

  get op(): Op {
    return this.#op
  }

  /** What op() began no longer ends with it. */
  outlive(): void {
    this.#op.signal.removeEventListener('abort', this.#abort)
    this.#op = new Op(this.#op.name, { timeoutMs: Infinity })
  }

  async send(kind: number, payload: Uint8Array): Promise<void> {
    try {
      await this.#lease.helper.send(this.#op, kind, payload)
    } catch (error) {
      this.drop()
      throw error
    }
  }

  /** The next part of the answer; null when it is whole. Throws FileRefused. */
  async next(): Promise<FileFrame | null> {
    if (this.#cut) throw this.#cut
    if (!this.#open) return null
    let refused: FileRefused | undefined
    try {
      const frame = await this.#lease.helper.next(this.#op)
      if (frame.kind !== Refused.kind && frame.kind !== Done.kind) return frame
      if (frame.kind === Refused.kind) {
        const { refusal, message } = this.read(Refused, frame)
        refused = new FileRefused(refusal, message.slice(0, REFUSAL_CHARACTERS))
      }
    } catch (error) {
      this.drop()
      throw error
    }
    this.#end()
    if (refused) throw refused
    return null
  }

  /** The answer, when it is this and nothing else. */
  async only<T>(codec: Codec<T>): Promise<T> {
    const value = await this.expect(codec)
    await this.done()
    return value
  }

  /** Of the answer, what has to come now. */
  async expect<T>(codec: Codec<T>): Promise<T> {
    const frame = await this.next()
    if (!frame) throw this.breach('it ends before its answer')
    return this.read(codec, frame)
  }

  /** Nothing more may come. */
  async done(): Promise<void> {
    const frame = await this.next()
    if (frame) throw this.breach(`it answers kind ${frame.kind} out of turn`)
  }

  read<T>(codec: Codec<T>, frame: FileFrame): T {
    if (frame.kind !== codec.kind) throw this.breach(`it answers kind ${frame.kind} out of turn`)
    try {
      return codec.decode(frame.payload)
    } catch (error) {
      throw this.breach(error)
    }
  }

  /** Whether there is an answer already; throws what next() would unless it is an answer. */
  get answered(): boolean {
    const { helper } = this.#lease
    return helper.peek() !== null || !helper.alive
  }

  /** As FileHelper's. */
  whenHeard(then: () => void): () => void {
    return this.#lease.helper.whenHeard(then)
  }

  /** The helper broke the rules, as the returned error says; it is ended. */
  breach(cause: unknown): Error {
    const error = this.#lease.helper.breach(cause)
    this.#cut = error
    this.#end()
    return error
  }

  /** Whatever the guest still has to say, it is not wanted: the helper is ended. Nothing, when the answer is whole. */
  drop(why = new Error('The answer was left')): void {
    if (!this.#open) return
    this.#cut = why
    this.#lease.helper.kill(why)
    this.#end()
  }

  async #ask({ kind, payload }: FileRequest): Promise<void> {
    const { helper } = this.#lease
    this.#op.throwIfDone()
    await helper.send(this.#op, kind, payload)
    await helper.answered(this.#op)
    // It ended without a word.
    if (!helper.alive && helper.peek() === null) await helper.next(this.#op)
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    this.#op.signal.removeEventListener('abort', this.#abort)
    this.#lease.giveBack()
  }
}
