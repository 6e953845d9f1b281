import { expect, test } from 'vitest'
import { telling } from './watch-channel.ts'

/** A client that reads when it is told to. */
function slowSocket() {
  const frames: object[] = []
  let reads = Promise.withResolvers<void>()
  const socket = {
    frames,
    crowded: false,
    send: (frame: object) => void frames.push(frame),
    drained: () => reads.promise,
    async read() {
      socket.crowded = false
      reads.resolve()
      await reads.promise
      await Promise.resolve()
      reads = Promise.withResolvers()
    },
  }
  return socket
}

const event = (name: string) => ({ type: 'file_event', id: 'w', event: 'write', name, path: `/d/${name}` })
const RESYNC = { type: 'resync_required', id: 'w' }

test('a client that does not read is told once that it missed something, and then of what comes', async () => {
  const socket = slowSocket()
  const tell = telling(socket, 'w')
  tell.begin()
  tell.changed('write', 'a', '/d/a')
  socket.crowded = true
  for (let i = 0; i < 10_000; i++) tell.changed('write', 'b', '/d/b')
  expect(socket.frames).toEqual([event('a')])
  await socket.read()
  tell.changed('write', 'c', '/d/c')
  expect(socket.frames).toEqual([event('a'), RESYNC, event('c')])
})

test('what overflows in the guest, or comes before the acknowledgement, is a call to look again', async () => {
  const socket = slowSocket()
  const tell = telling(socket, 'w')
  tell.changed('write', 'early', '/d/early')
  expect(socket.frames).toEqual([])
  tell.begin()
  await socket.read()
  tell.changed('overflow', '', '')
  await socket.read()
  expect(socket.frames).toEqual([RESYNC, RESYNC])
})
