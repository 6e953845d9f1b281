// Messages that come in several frames. The guest may be malicious: what is held for all of them together is bounded.

import { FLAG_MORE, MAX_MESSAGE, type Frame } from '@nullspace/guest-protocol/frame.ts'

export class Parts {
  readonly #parts = new Map<number, Uint8Array[]>()
  #held = 0

  /** The whole message, once its last frame is here. Throws RangeError on one that is too long or goes nowhere. */
  join({ stream, flags, payload }: Frame, wanted: boolean): Uint8Array | null {
    const more = (flags & FLAG_MORE) !== 0
    const parts = this.#parts.get(stream)
    if (!more && !parts) return payload
    if (!wanted) return null
    this.#held += payload.length
    if (this.#held > MAX_MESSAGE || (more && payload.length === 0)) throw new RangeError('a message that is too long or goes nowhere')
    if (more) {
      if (parts) parts.push(payload)
      else this.#parts.set(stream, [payload])
      return null
    }
    const whole = Buffer.concat([...(parts ?? []), payload])
    this.#parts.delete(stream)
    this.#held -= whole.length
    return whole
  }

  forget(stream: number): void {
    for (const part of this.#parts.get(stream) ?? []) this.#held -= part.length
    this.#parts.delete(stream)
  }
}
