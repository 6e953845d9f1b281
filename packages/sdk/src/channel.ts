// One WebSocket to the daemon. Frames are JSON texts, read as an async iterable that ends with the connection.

import { MachineError, TransportError } from './errors.ts'
import { VERSION } from './version.ts'

/** What is used of a WebSocket. That of the package `ws`, of Node 22 and newer, and of Bun fit; those of browsers send no headers. */
export interface SocketLike {
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Stop reading, and go on. Without them a connection that is read too slowly is given up. */
  pause?(): void
  resume?(): void
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { readonly type: string; readonly data?: unknown }) => void,
  ): void
}
export type SocketClass = new (url: string, options: { readonly headers: Record<string, string> }) => SocketLike

export interface Channel extends AsyncIterable<unknown> {
  send(frame: object): void
  /** Harmless when it is closed. */
  close(): void
}

interface Target {
  readonly url: string
  readonly apiKey: string
  readonly socketClass: SocketClass | undefined
  readonly signal: AbortSignal | undefined
  /** The daemon is to send no faster than frames are read. */
  readonly paced: boolean
}

const OPEN_TIMEOUT_MS = 15_000
/** Frames that nobody has read yet; beyond them the connection is given up rather than the memory. */
const MOST_WAITING = { frames: 10_000, characters: 16 * 1024 * 1024 }
/** Characters: a paced connection stops reading above the one, and goes on below the other. */
const HIGH_WATER = 1024 * 1024
const LOW_WATER = 256 * 1024

/** Resolves when the connection stands. @throws TransportError, whatever the reason: a WebSocket does not tell. */
export async function openChannel({ url, apiKey, socketClass, signal, paced }: Target): Promise<Channel> {
  const Socket = socketClass ?? (await ownSocket())
  signal?.throwIfAborted()
  const socket = new Socket(url, { headers: { authorization: `Bearer ${apiKey}`, 'user-agent': `nullspace-sdk-ts/${VERSION}` } })
  return new Promise((resolve, reject) => {
    const { frames, close } = collect(socket, signal, paced)
    const settle = (then: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      then()
    }
    const fail = (error: unknown): void =>
      settle(() => {
        reject(error)
        socket.close()
      })
    const lost = (): void => fail(new TransportError(`no WebSocket to the daemon at ${url}`, { reached: true, retryable: true }))
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(lost, OPEN_TIMEOUT_MS)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.addEventListener('close', lost)
    socket.addEventListener('error', lost)
    socket.addEventListener('open', () =>
      settle(() => resolve({ send: (frame) => socket.send(JSON.stringify(frame)), close, [Symbol.asyncIterator]: frames })),
    )
  })
}

interface Collected {
  frames(): AsyncGenerator<unknown, void, undefined>
  close(): void
}

/** Listens from the first moment, so that a frame which comes with the connection is not missed. One reader. */
function collect(socket: SocketLike, signal: AbortSignal | undefined, paced: boolean): Collected {
  const waiting: string[] = []
  let characters = 0
  let paused = false
  let ended = false
  let wake = (): void => {}
  const end = (): void => {
    ended = true
    wake()
  }
  const letOn = (): void => {
    if (paused) socket.resume?.()
    paused = false
  }
  const close = (): void => {
    end()
    // The answer to the closing stands behind what was not read.
    letOn()
    socket.close()
  }
  socket.addEventListener('close', end)
  socket.addEventListener('error', end)
  socket.addEventListener('message', ({ data }) => {
    if (ended) return
    const text = String(data)
    waiting.push(text)
    characters += text.length
    wake()
    if (waiting.length >= MOST_WAITING.frames || characters >= MOST_WAITING.characters) return close()
    if (!paced || paused || characters < HIGH_WATER || !socket.pause) return
    socket.pause()
    paused = true
  })
  return {
    close,
    async *frames() {
      signal?.addEventListener('abort', end, { once: true })
      try {
        for (;;) {
          signal?.throwIfAborted()
          const text = waiting.shift()
          if (text !== undefined) {
            characters -= text.length
            if (characters < LOW_WATER) letOn()
            yield parsed(text)
          } else if (ended) return
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        signal?.removeEventListener('abort', end)
        close()
      }
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MachineError('a frame of the daemon is not JSON', { code: 'invalid_response', cause })
  }
}

/** Of the sockets to be had on Node, the one that can be paused. Loaded when it is first needed. */
async function ownSocket(): Promise<SocketClass> {
  const { WebSocket } = await import('ws')
  return WebSocket
}
