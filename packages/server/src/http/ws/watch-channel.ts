// One watch per connection: changes of files as they happen. Who does not read is told to look for himself.

import { WatchFrame } from '@nullspace/contract/files.ts'
import type { App } from '../../app/context.ts'
import { watchFiles } from '../../app/files-watch.ts'
import { invalidInput, toAppError } from '../errors.ts'
import type { ChannelCall } from './channel.ts'
import { type ChannelSocket, CLOSE } from './socket.ts'

const DONE = 1000
/** Clients end a watch themselves when its time is up, and take our closing for a fault. */
const GRACE_MS = 2_000

export function openWatch(app: App, socket: ChannelSocket, { principal, params }: ChannelCall): void {
  const machineId = params['id'] ?? ''
  let begun = false

  const begin = async ({ id, path, user, recursive, timeout_secs }: WatchFrame): Promise<void> => {
    const tell = telling(socket, id)
    const end = (error: unknown): void => {
      const { message, code } = toAppError(error)
      socket.send({ type: 'error', id, message, code })
      socket.finish(DONE, 'the watch has ended')
    }
    try {
      const watch = await watchFiles(
        app,
        principal,
        { machineId, user },
        { path, recursive: recursive ?? false },
        { changed: tell.changed, ended: end },
      )
      let timer: NodeJS.Timeout | undefined
      const leave = (): void => {
        clearTimeout(timer)
        watch[Symbol.dispose]()
      }
      if (socket.signal.aborted) return leave()
      socket.signal.addEventListener('abort', leave, { once: true })
      if (timeout_secs != null)
        timer = setTimeout(() => socket.close(DONE, 'the time of the watch is over'), timeout_secs * 1000 + GRACE_MS).unref()
      socket.send({ type: 'file_watch_started', id })
      tell.begin()
    } catch (error) {
      end(error)
    }
  }

  socket.onFrame((value) => {
    const parsed = WatchFrame.safeParse(value)
    if (!parsed.success) return refuse(socket, value, invalidInput('body', parsed.error).message)
    if (begun) return socket.refuse('There is a watch on this connection already; open another for another.')
    begun = true
    void begin(parsed.data)
  })
}

/** Clients read only frames with their id. */
function refuse(socket: ChannelSocket, frame: unknown, message: string): void {
  const { id } = (frame ?? {}) as { id?: unknown }
  if (typeof id !== 'string') return socket.refuse(message)
  socket.send({ type: 'error', id: id.slice(0, 200), message, code: 'invalid_request' })
  socket.close(CLOSE.policy, message)
}

/** Nothing is said before `begin`; what a client does not take is left out, and said to be. */
export function telling(
  socket: Pick<ChannelSocket, 'crowded' | 'drained' | 'send'>,
  id: string,
): { begin(): void; changed(event: string, name: string, path: string): void } {
  let begun = false
  let behind = false
  const fallBehind = (): void => {
    if (behind) return
    behind = true
    if (begun) void catchUp()
  }
  const catchUp = async (): Promise<void> => {
    await socket.drained()
    behind = false
    socket.send({ type: 'resync_required', id })
  }
  return {
    changed(event, name, path) {
      if (!begun || event === 'overflow' || behind || socket.crowded) fallBehind()
      else socket.send({ type: 'file_event', id, event, name, path })
    },
    begin() {
      begun = true
      if (behind) void catchUp()
    },
  }
}
