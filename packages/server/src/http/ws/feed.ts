// Output of a process on its way to a client: in order, no faster than the client reads. What is not read is not
// taken, so the process waits for it.

import type { Attached } from '../../app/processes.ts'
import type { ChannelSocket } from './socket.ts'

export class Feed {
  readonly #socket: ChannelSocket
  readonly #attached = Promise.withResolvers<Attached>()
  #last: Promise<void>

  constructor(socket: ChannelSocket) {
    this.#socket = socket
    this.#last = this.#attached.promise.then(
      () => {},
      () => {},
    )
  }

  /** From now on what was queued goes out; until then it waits, for the acknowledgement comes first. */
  begin(attached: Attached): void {
    this.#attached.resolve(attached)
  }

  /** `frame` is made when it is its turn. */
  output(bytes: number, frame: () => object | null): void {
    this.#queue(async () => {
      const made = frame()
      if (made) this.#socket.send(made)
      await this.#socket.drained()
      ;(await this.#attached.promise).attachment.taken(bytes)
    })
  }

  /** Behind all output. */
  after(step: () => void): void {
    this.#queue(async () => step())
  }

  #queue(step: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (!this.#socket.signal.aborted) await step()
    })
    this.#last.catch((error: unknown) => this.#socket.fail(error))
  }
}
