// What a connection is for: a process or a terminal, held as long as the connection is.

import type { Attached } from '../../app/processes.ts'
import { toAppError } from '../errors.ts'
import type { Feed } from './feed.ts'
import type { ChannelSocket } from './socket.ts'

const DONE = 1000

export interface Occupation<T> {
  readonly id: string
  open(): Promise<T>
  /** Takes it over; what it answers is told first, and what was said meanwhile comes behind it. */
  take(made: T): object
  /** Why the connection is closed when there is none. */
  readonly otherwise: string
}

/** A client whose wish cannot be met is told why; for one that has gone meanwhile it is left again. */
export async function occupy<T extends Attached>(
  socket: ChannelSocket,
  feed: Feed,
  { id, open, take, otherwise }: Occupation<T>,
): Promise<void> {
  try {
    const made = await open()
    const leave = (): void => made[Symbol.dispose]()
    if (socket.signal.aborted) return leave()
    socket.signal.addEventListener('abort', leave, { once: true })
    socket.send(take(made))
    feed.begin(made)
  } catch (error) {
    const { message, code } = toAppError(error)
    socket.send({ type: 'error', id, message, code })
    socket.finish(DONE, otherwise)
  }
}
