// One WebSocket to the daemon. Frames are JSON texts, read as an async iterable that ends with the connection.

import { MachineError, TransportError } from './errors.ts'
import { VERSION } from './version.ts'

/** What is used of a WebSocket. That of Node 22 and newer, of Bun, and of the package `ws` fit; those of browsers send no headers. */
export interface SocketLike {
  send(text: string): void
  close(code?: number, reason?: string): void
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
}

const OPEN_TIMEOUT_MS = 15_000
/** Frames that nobody has read yet; beyond them the connection is given up rather than the memory. */
const MOST_WAITING = 10_000

/** Resolves when the connection stands. @throws TransportError, whatever the reason: a WebSocket does not tell. */
export function openChannel({ url, apiKey, socketClass, signal }: Target): Promise<Channel> {
  const Socket = socketClass ?? globalSocket()
  if (Socket === undefined) throw noSocket()
  signal?.throwIfAborted()
  const socket = new Socket(url, { headers: { authorization: `Bearer ${apiKey}`, 'user-agent': `nullspace-sdk-ts/${VERSION}` } })
  return new Promise((resolve, reject) => {
    const frames = collect(socket, signal)
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
      settle(() =>
        resolve({ send: (frame) => socket.send(JSON.stringify(frame)), close: () => socket.close(), [Symbol.asyncIterator]: frames }),
      ),
    )
  })
}

/** Listens from the first moment, so that a frame which comes with the connection is not missed. One reader. */
function collect(socket: SocketLike, signal: AbortSignal | undefined): () => AsyncGenerator<unknown, void, undefined> {
  const waiting: unknown[] = []
  let ended = false
  let wake = (): void => {}
  const end = (): void => {
    ended = true
    wake()
  }
  socket.addEventListener('close', end)
  socket.addEventListener('error', end)
  socket.addEventListener('message', ({ data }) => {
    if (ended) return
    waiting.push(data)
    wake()
    if (waiting.length < MOST_WAITING) return
    end()
    socket.close()
  })
  return async function* frames() {
    signal?.addEventListener('abort', end, { once: true })
    try {
      for (;;) {
        signal?.throwIfAborted()
        if (waiting.length > 0) yield parsed(waiting.shift())
        else if (ended) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      signal?.removeEventListener('abort', end)
      socket.close()
    }
  }
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data))
  } catch (cause) {
    throw new MachineError('a frame of the daemon is not JSON', { code: 'invalid_response', cause })
  }
}

function globalSocket(): SocketClass | undefined {
  // Sound for Node and Bun, whose second argument may be an object with headers; the type of the DOM knows protocols only.
  return (globalThis as { WebSocket?: unknown }).WebSocket as SocketClass | undefined
}

const noSocket = (): MachineError =>
  new MachineError('this runtime has no WebSocket', {
    code: 'invalid_request',
    retryable: false,
    suggestedAction: 'Use Node 22 or newer, or give new Client({ webSocket: WebSocket }) that of the package "ws".',
  })
