// Output that comes faster than it is read.

import { expect, test } from 'vitest'
import { Feed } from './feed.ts'
import type { ChannelSocket } from './socket.ts'

function ground() {
  const sent: { kind: string; data: string }[] = []
  const taken: number[] = []
  const reading: { room: PromiseWithResolvers<void> } = { room: Promise.withResolvers() }
  const socket = {
    signal: new AbortController().signal,
    send: (frame: { kind: string; data: string }) => void sent.push(frame),
    drained: () => reading.room.promise,
    fail: (error: unknown) => {
      throw error
    },
  } as unknown as ChannelSocket
  const feed = new Feed(socket)
  const say = (kind: string, data: string): void =>
    feed.output(kind, Buffer.from(data), (bytes) => ({ kind, data: bytes.toString('latin1') }))
  const begin = (): void =>
    feed.begin({ attachment: { taken: (bytes: number) => void taken.push(bytes) }, [Symbol.dispose]() {} } as unknown as Parameters<
      typeof feed.begin
    >[0])
  return { feed, say, begin, sent, taken, read: () => reading.room.resolve() }
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('waits for its begin, keeps its order, and ends behind all of it', async () => {
  const { feed, say, begin, sent, taken, read } = ground()
  say('stdout', 'a')
  say('stdout', 'b')
  say('stderr', 'c')
  say('stdout', 'd')
  feed.after(() => void sent.push({ kind: 'end', data: '' }))
  await settle()
  expect(sent).toEqual([])
  begin()
  await settle()
  expect([sent, taken]).toEqual([[{ kind: 'stdout', data: 'ab' }], []])
  read()
  await settle()
  expect(sent.map(({ kind, data }) => `${kind} ${data}`)).toEqual(['stdout ab', 'stderr c', 'stdout d', 'end '])
  expect(taken).toEqual([2, 1, 1])
})

test('however small or large its pieces, a frame has 64 KiB at most, and what waits is joined', async () => {
  const { say, begin, sent, taken, read } = ground()
  for (let i = 0; i < 100_000; i++) say('stdout', String(i % 10))
  say('stdout', 'x'.repeat(200_000))
  begin()
  read()
  await settle()
  const all = sent.map(({ data }) => data)
  expect(Math.max(...all.map((data) => data.length))).toBe(64 * 1024)
  expect(all.length).toBeLessThan(8)
  expect(all.join('')).toBe(`${'0123456789'.repeat(10_000)}${'x'.repeat(200_000)}`)
  expect(taken.reduce((sum, bytes) => sum + bytes)).toBe(300_000)
})

test('two outputs that take turns byte by byte are joined, too, and none is lost', async () => {
  const { say, begin, sent, read } = ground()
  for (let i = 0; i < 50_000; i++) {
    say('stdout', 'o')
    say('stderr', 'e')
  }
  begin()
  read()
  await settle()
  expect(sent.length).toBeLessThan(1100)
  const of = (kind: string): string => sent.flatMap((frame) => (frame.kind === kind ? frame.data : [])).join('')
  expect([of('stdout'), of('stderr')]).toEqual(['o'.repeat(50_000), 'e'.repeat(50_000)])
})
