// The unit on the wire between host and guest agent, and how a reader finds its feet in a stream that may begin
// anywhere (a restored guest, a host that was killed mid-frame). The byte layout is in ../PROTOCOL.md.

const MAGIC = 0x4e534631 // "NSF1"
export const HEADER_BYTES = 24
export const TRAILER_BYTES = 4
/** Largest payload of one frame, bytes. Longer messages are split with the MORE flag. */
export const MAX_PAYLOAD = 32 * 1024
/** Largest message that may be joined from frames with the MORE flag, bytes. */
export const MAX_MESSAGE = 4 * 1024 * 1024
/** Zero bytes that bring any half-read frame on the other side to its end (one maximal frame, rounded up). */
export const FLUSH_BYTES = 40 * 1024

export const FLAG_MORE = 0x01

export interface Frame {
  /** 64-bit session key; both sides drop a frame that carries another one than the current. */
  readonly session: bigint
  /** 0 is the control stream; the host numbers the others from 1. */
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly payload: Uint8Array
}

export function encodeFrame(frame: Frame): Uint8Array {
  const { length } = frame.payload
  if (length > MAX_PAYLOAD) throw new RangeError(`payload of ${length} bytes is over ${MAX_PAYLOAD}`)
  const out = new Uint8Array(HEADER_BYTES + length + TRAILER_BYTES)
  const view = new DataView(out.buffer)
  view.setUint32(0, MAGIC)
  view.setBigUint64(4, frame.session)
  view.setUint32(12, frame.stream)
  view.setUint8(16, frame.kind)
  view.setUint8(17, frame.flags)
  view.setUint32(20, length)
  out.set(frame.payload, HEADER_BYTES)
  view.setUint32(HEADER_BYTES + length, trailerOf(frame.session))
  return out
}

/** Splits a message over as many frames as it needs. */
export function* encodeMessage(session: bigint, stream: number, kind: number, payload: Uint8Array): Generator<Uint8Array> {
  let offset = 0
  do {
    const part = payload.subarray(offset, offset + MAX_PAYLOAD)
    offset += part.length
    yield encodeFrame({ session, stream, kind, flags: offset < payload.length ? FLAG_MORE : 0, payload: part })
  } while (offset < payload.length)
}

/**
 * Turns bytes into frames. Anything that is not a whole frame (wrong magic, impossible length, wrong trailer) is
 * skipped a byte at a time until a frame fits, so a stream that starts in the middle of one is no error.
 */
export class FrameReader {
  #buffer = new Uint8Array(0)
  #skipped = 0

  /** Bytes thrown away so far because they belonged to no whole frame. */
  get skipped(): number {
    return this.#skipped
  }

  *push(chunk: Uint8Array): Generator<Frame> {
    this.#buffer = this.#buffer.length === 0 ? new Uint8Array(chunk) : concat(this.#buffer, chunk)
    let at = 0
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.byteLength)
    while (this.#buffer.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at) === MAGIC ? view.getUint32(at + 20) : Infinity
      if (length > MAX_PAYLOAD || view.getUint16(at + 18) !== 0) {
        at = this.#skipTo(at, at + 1)
        continue
      }
      const end = at + HEADER_BYTES + length + TRAILER_BYTES
      if (end > this.#buffer.length) break
      const session = view.getBigUint64(at + 4)
      if (view.getUint32(end - TRAILER_BYTES) !== trailerOf(session)) {
        at = this.#skipTo(at, at + 1)
        continue
      }
      yield {
        session,
        stream: view.getUint32(at + 12),
        kind: view.getUint8(at + 16),
        flags: view.getUint8(at + 17),
        payload: this.#buffer.slice(at + HEADER_BYTES, end - TRAILER_BYTES),
      }
      at = end
    }
    this.#buffer = this.#buffer.slice(at)
  }

  /** Skips to the next byte that could begin a frame at or after `from`. */
  #skipTo(at: number, from: number): number {
    const next = this.#buffer.indexOf(MAGIC >>> 24, from)
    const to = next === -1 ? this.#buffer.length : next
    this.#skipped += to - at
    return to
  }
}

function trailerOf(session: bigint): number {
  return Number(~session & 0xffffffffn)
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
