// Frames that wait for a process.

import { expect, test } from 'vitest'
import type { ChannelSocket } from './socket.ts'
import { Turns } from './turns.ts'

test.each([
  ['large', 300_000],
  ['empty', 0],
])('while many that are %s wait, nothing more is read', async (_what, bytes) => {
  const socket = { reading: true, fail() {} }
  const turns = new Turns(socket as unknown as ChannelSocket)
  const go = Promise.withResolvers<void>()
  const done: number[] = []
  let added = 0
  for (; socket.reading && added < 10_000; added++) {
    const at = added
    turns.add(bytes, () => go.promise.then(() => void done.push(at)))
  }
  expect(socket.reading).toBe(false)
  expect(added).toBeLessThan(2000)
  go.resolve()
  const last = Promise.withResolvers<void>()
  turns.add(0, async () => last.resolve())
  await last.promise
  expect(done).toEqual(Array.from({ length: added }, (_, at) => at))
  await new Promise((resolve) => setImmediate(resolve))
  expect(socket.reading).toBe(true)
})
