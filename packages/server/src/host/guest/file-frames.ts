// Frames between the daemon and a file helper: u32 length of the rest, u8 kind, payload. What has come and was not asked for
// yet is copied into blocks, so it takes no more memory than its length, however small the pieces that a guest sends.

import { LONGEST_FRAME } from '@nullspace/guest-protocol/files.ts'

const LENGTH_BYTES = 4
const BLOCK_BYTES = 64 * 1024

export interface FileFrame {
  readonly kind: number
  readonly payload: Uint8Array
}

/** Bytes of a frame on the way, with its length. */
export const frameBytes = ({ payload }: FileFrame): number => LENGTH_BYTES + 1 + payload.length

/** Throws RangeError when it is too long for one. */
export function encodeFileFrame(kind: number, payload: Uint8Array): Uint8Array {
  if (1 + payload.length > LONGEST_FRAME) throw new RangeError(`a frame of ${payload.length} bytes is too long`)
  const out = Buffer.allocUnsafe(LENGTH_BYTES + 1 + payload.length)
  out.writeUInt32BE(1 + payload.length)
  out.writeUInt8(kind, LENGTH_BYTES)
  out.set(payload, LENGTH_BYTES + 1)
  return out
}

export class FrameQueue {
  #blocks: Buffer[] = []
  /** Begin of what is held in the first block, and its end in the last. */
  #from = 0
  #to = BLOCK_BYTES
  #held = 0
  /** Of the frame that comes next, once its length is known. */
  #length: number | undefined

  /** Bytes that came and belong to no frame that was taken. */
  get held(): number {
    return this.#held + (this.#length === undefined ? 0 : LENGTH_BYTES)
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#to === BLOCK_BYTES) {
        this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES))
        this.#to = 0
      }
      const part = bytes.subarray(at, at + BLOCK_BYTES - this.#to)
      this.#blocks.at(-1)?.set(part, this.#to)
      this.#to += part.length
      this.#held += part.length
      at += part.length
    }
  }

  /** null until one is whole. Throws RangeError on a length that no frame has. */
  next(): FileFrame | null {
    if (this.#length === undefined) {
      if (this.#held < LENGTH_BYTES) return null
      this.#length = this.#take(LENGTH_BYTES).readUInt32BE()
    }
    if (this.#length < 1 || this.#length > LONGEST_FRAME) throw new RangeError(`a frame of ${this.#length} bytes`)
    if (this.#held < this.#length) return null
    const whole = this.#take(this.#length)
    this.#length = undefined
    return { kind: whole.readUInt8(), payload: whole.subarray(1) }
  }

  clear(): void {
    this.#blocks = []
    this.#from = 0
    this.#to = BLOCK_BYTES
    this.#held = 0
    this.#length = undefined
  }

  #take(length: number): Buffer {
    const out = Buffer.allocUnsafe(length)
    for (let at = 0; at < length;) {
      const [block] = this.#blocks
      if (!block) throw new RangeError('more taken than held')
      const part = block.subarray(this.#from, Math.min(BLOCK_BYTES, this.#from + length - at))
      out.set(part, at)
      at += part.length
      this.#from += part.length
      if (this.#from < BLOCK_BYTES) continue
      this.#blocks.shift()
      this.#from = 0
    }
    this.#held -= length
    if (this.#held === 0) {
      this.#blocks = []
      this.#from = 0
      this.#to = BLOCK_BYTES
    }
    return out
  }
}
