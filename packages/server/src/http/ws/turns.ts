// Frames for a process, one after the other. A process that does not read its input makes its client wait: while much is
// under way, nothing more is read from the connection.

import type { ChannelSocket } from './socket.ts'

const MOST_BYTES = 1024 * 1024
/** A frame that waits, however little is in it. */
const STEP_BYTES = 1024

export class Turns {
  readonly #socket: ChannelSocket
  #last: Promise<void> = Promise.resolve()
  #bytes = 0

  constructor(socket: ChannelSocket) {
    this.#socket = socket
  }

  /** `bytes` are what the step holds until it is done, besides itself. */
  add(bytes: number, step: () => Promise<void>): void {
    const cost = bytes + STEP_BYTES
    this.#count(cost)
    this.#last = this.#last
      .then(step)
      .catch((error: unknown) => this.#socket.fail(error))
      .finally(() => this.#count(-cost))
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#socket.reading = this.#bytes <= MOST_BYTES
  }
}
