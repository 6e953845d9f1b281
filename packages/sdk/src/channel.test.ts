import { afterEach, beforeEach, expect, test } from 'vitest'
import { openChannel, type SocketLike } from './channel.ts'

type Listener = Parameters<SocketLike['addEventListener']>[1]

/** A WebSocket that a test moves by hand. */
class HandSocket implements SocketLike {
  static last: HandSocket
  readonly did: string[] = []
  readonly #listeners = new Map<string, Listener[]>()
  declare pause?: () => void
  declare resume?: () => void

  constructor() {
    HandSocket.last = this
    if (!pausable) return
    this.pause = () => void this.did.push('pause')
    this.resume = () => void this.did.push('resume')
  }
  send(text: string): void {
    this.did.push(`send ${text}`)
  }
  close(): void {
    this.did.push('close')
  }
  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }
  emit(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, data })
  }
}

let pausable: boolean
beforeEach(() => (pausable = true))
const open: HandSocket[] = []
afterEach(() => open.splice(0).forEach((socket) => socket.emit('close')))

async function channelOf(paced: boolean) {
  const opening = openChannel({ url: 'ws://x', apiKey: 'k', socketClass: HandSocket, signal: undefined, paced })
  const socket = HandSocket.last
  open.push(socket)
  socket.emit('open')
  return { socket, channel: await opening }
}

/** A frame of so many characters. */
const frame = (characters: number): string => JSON.stringify('x'.repeat(characters - 2))

test('a paced connection stops reading at 1 MiB, and goes on below 256 KiB', async () => {
  const { socket, channel } = await channelOf(true)
  for (let count = 1; count <= 16; count += 1) {
    expect(socket.did).toEqual([])
    socket.emit('message', frame(64 * 1024))
  }
  expect(socket.did).toEqual(['pause'])
  // What was on its way still comes.
  socket.emit('message', frame(64 * 1024))
  expect(socket.did).toEqual(['pause'])
  const reader = channel[Symbol.asyncIterator]()
  for (let left = 16; left >= 4; left -= 1) {
    expect(socket.did).toEqual(['pause'])
    await reader.next()
  }
  await reader.next()
  expect(socket.did).toEqual(['pause', 'resume'])
})

test('closing one that is paused lets it go on first', async () => {
  const { socket, channel } = await channelOf(true)
  socket.emit('message', frame(1024 * 1024))
  channel.close()
  expect(socket.did).toEqual(['pause', 'resume', 'close'])
})

test.each([
  ['cannot be paused', false, true],
  ['is not paced', true, false],
])('one that %s is given up at 16 Mi characters, and what came is read', async (_, canPause, paced) => {
  pausable = canPause
  const { socket, channel } = await channelOf(paced)
  for (let count = 1; count <= 20; count += 1) socket.emit('message', frame(1024 * 1024))
  expect(socket.did).toEqual(['close'])
  let read = 0
  for await (const _frame of channel) read += 1
  expect(read).toBe(16)
})
