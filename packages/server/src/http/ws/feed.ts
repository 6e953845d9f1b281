// Output of a process on its way to a client: in order, no faster than the client reads. What is not read is not
// taken, so the process waits for it. A guest may send it in pieces of a byte: what waits is joined, so it takes about as
// much memory as it has bytes.

import type { Attached } from '../../app/processes.ts'
import type { ChannelSocket } from './socket.ts'

/** Of one frame: published clients take a MiB with all that is around it, in base64. */
const FRAME_BYTES = 64 * 1024
/** From so many that wait on, output of one kind is joined past the other's. */
const MOST_WAITING = 1000
/** Pieces that are kept apart until their frame is made, or until there are more. */
const MOST_PIECES = 64

type MakeFrame = (bytes: Buffer) => object | null

interface Output {
  readonly kind: string
  readonly frame: MakeFrame
  pieces: Uint8Array[]
  bytes: number
}

export class Feed {
  readonly #socket: ChannelSocket
  readonly #queue: (Output | { readonly step: () => void })[] = []
  #attached: Attached | null = null
  #busy = false

  constructor(socket: ChannelSocket) {
    this.#socket = socket
  }

  /** From now on what was queued goes out; until then it waits, for the acknowledgement comes first. */
  begin(attached: Attached): void {
    this.#attached = attached
    this.#go()
  }

  /** `frame` is made when it is its turn; it may hold more than was given at once, or less. */
  output(kind: string, bytes: Uint8Array, frame: MakeFrame): void {
    const open = this.#openFor(kind)
    if (open) join(open, bytes)
    else this.#queue.push({ kind, frame, pieces: [bytes], bytes: bytes.length })
    this.#go()
  }

  /** Behind all output. */
  after(step: () => void): void {
    this.#queue.push({ step })
    this.#go()
  }

  #openFor(kind: string): Output | null {
    const last = this.#queue.length > MOST_WAITING ? this.#queue.findLast((one) => 'kind' in one && one.kind === kind) : this.#queue.at(-1)
    if (!last || !('kind' in last) || last.kind !== kind) return null
    return last.bytes < FRAME_BYTES || this.#queue.length > MOST_WAITING ? last : null
  }

  #go(): void {
    if (!this.#attached || this.#busy) return
    this.#work(this.#attached).catch((error: unknown) => this.#socket.fail(error))
  }

  async #work({ attachment }: Attached): Promise<void> {
    this.#busy = true
    try {
      for (let next = this.#queue.shift(); next && !this.#socket.signal.aborted; next = this.#queue.shift()) {
        if ('step' in next) next.step()
        else attachment.taken(await this.#pass(next))
      }
    } finally {
      this.#busy = false
    }
  }

  /** Returns how many bytes it was. */
  async #pass({ pieces, frame }: Output): Promise<number> {
    const all = Buffer.concat(pieces)
    for (let at = 0; at < all.length; at += FRAME_BYTES) {
      const made = frame(all.subarray(at, at + FRAME_BYTES))
      if (made) this.#socket.send(made)
      await this.#socket.drained()
    }
    return all.length
  }
}

function join(open: Output, bytes: Uint8Array): void {
  open.pieces.push(bytes)
  open.bytes += bytes.length
  if (open.pieces.length > MOST_PIECES) open.pieces = [Buffer.concat(open.pieces)]
}
