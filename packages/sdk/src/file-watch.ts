// Changes of files in a machine, as they happen.

import { CHANNELS } from '@nullspace/contract/channels.ts'
import type { WatchFrame } from '@nullspace/contract/files.ts'
import { getMachine } from '@nullspace/contract/machines.ts'
import type { Client } from './client.ts'
import { errorFromFrame } from './error-map.ts'
import { MachineError, TimeoutError } from './errors.ts'
import { connections } from './reconnect.ts'

export interface WatchOptions {
  /** Also what is below. Default false. */
  readonly recursive?: boolean | undefined
  /** Name or number of a user of the machine; default root. */
  readonly user?: string | undefined
  /** Ends the watch; its loop rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface FileEvent {
  /** `overflow`: changes may have been missed, of whatever is watched; look for yourself. Its `path` is what is watched. */
  readonly event: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'overflow'
  /** From what is watched on; empty of an overflow. */
  readonly name: string
  readonly path: string
}

/** A paused machine may have to wake. */
const START_MS = 90_000

interface Frame {
  readonly type?: string
  readonly id?: string
  readonly event?: string
  readonly name?: string
  readonly path?: string
  readonly message?: string
  readonly code?: string
}

/**
 * ```ts
 * await using watch = await machine.files.watch('/workspace', { recursive: true })
 * for await (const { event, path } of watch) console.log(event, path)
 * ```
 * One loop; leaving it ends the watch. A lost connection is opened again and told as an overflow, and so is a reader that is too slow.
 */
export class FileWatch implements AsyncIterable<FileEvent>, AsyncDisposable {
  readonly #changes: AsyncGenerator<FileEvent, void, undefined>
  readonly #stop: AbortController
  readonly #signal: AbortSignal | undefined

  constructor(changes: AsyncGenerator<FileEvent, void, undefined>, stop: AbortController, signal: AbortSignal | undefined) {
    this.#changes = changes
    this.#stop = stop
    this.#signal = signal
    signal?.addEventListener('abort', this.#leave, { once: true })
  }

  /** @throws what ended the watch: NotFoundError when the machine is gone, MachineError `machine_failed`, ..., the signal's reason */
  [Symbol.asyncIterator](): AsyncIterator<FileEvent, undefined> {
    return { next: () => this.#next(), return: () => this.#end() }
  }

  /** Ends the watch; its loop ends. Harmless when it is over. */
  async close(): Promise<void> {
    await this.#end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #next(): Promise<IteratorResult<FileEvent, undefined>> {
    this.#signal?.throwIfAborted()
    try {
      const next = await this.#changes.next()
      if (!next.done) return next
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
    this.#signal?.throwIfAborted()
    return this.#end()
  }

  async #end(): Promise<{ done: true; value: undefined }> {
    this.#signal?.removeEventListener('abort', this.#leave)
    this.#leave()
    return { done: true, value: undefined }
  }

  /** Also when nobody is in the loop just now. */
  readonly #leave = (): void => {
    this.#stop.abort()
    this.#changes.return().catch(() => {})
  }
}

/** Resolves when it is watched: from then on no change is missed without a word. @throws MachineError the refusal */
export async function watchFiles(client: Client, machineId: string, path: string, options: WatchOptions): Promise<FileWatch> {
  const { signal } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const changes = changesOf(client, machineId, path, { ...options, signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal })
  const late = (): void => stop.abort(new TimeoutError(`no word that ${path} is watched within ${START_MS / 1000} s`))
  const timer = setTimeout(late, START_MS)
  try {
    // The first is the word that it is watched.
    await changes.next()
  } finally {
    clearTimeout(timer)
  }
  return new FileWatch(changes, stop, signal)
}

let count = 0

/** Begins with an overflow, and has another after each connection that was lost. */
async function* changesOf(
  client: Client,
  machineId: string,
  path: string,
  { recursive = false, user, signal }: WatchOptions,
): AsyncGenerator<FileEvent, void, undefined> {
  const params = { id: machineId }
  const id = `watch_${++count}`
  const overflow: FileEvent = { event: 'overflow', name: '', path }
  const begin = { type: 'file_watch', id, path, recursive, ...(user === undefined ? {} : { user }) } satisfies WatchFrame
  const attempts = connections({
    open: () => client.open(CHANNELS.websocketUpgrade, params, signal, { paced: true }),
    ask: () => client.call(getMachine, { params }, { signal }),
    wait: (ms, stop) => client.wait(ms, stop),
    signal,
  })
  for await (const { channel, accepted } of attempts) {
    channel.send(begin)
    for await (const value of channel) {
      const frame = value as Frame
      // One that names no watch is about the connection, which has but this.
      if (frame.id !== undefined && frame.id !== id) continue
      if (frame.type === 'error') throw errorFromFrame(frame)
      if (frame.type === 'file_watch_started') {
        accepted()
        yield overflow
      } else if (frame.type === 'resync_required') yield overflow
      else if (frame.type === 'file_event') yield eventOf(frame)
    }
  }
}

/** Kinds that this version does not know are told as they are. */
function eventOf({ event, name, path }: Frame): FileEvent {
  if (typeof event !== 'string' || typeof name !== 'string' || typeof path !== 'string') {
    throw new MachineError('a change is not what was promised', { code: 'invalid_response' })
  }
  return { event: event as FileEvent['event'], name, path }
}
