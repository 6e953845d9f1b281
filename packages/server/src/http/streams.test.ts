import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { BytesAnswer } from '@nullspace/contract/route.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { rowsAsJson, sendBytes, textAsJson } from './streams.ts'

let server: FastifyInstance
afterEach(() => server.close())

async function serve(answer: () => BytesAnswer): Promise<string> {
  server = Fastify({ forceCloseConnections: true })
  server.get('/', (_, reply) => sendBytes(reply, 200, answer()))
  await server.listen({ host: '127.0.0.1', port: 0 })
  return `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/`
}

async function* pieces(...some: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const one of some) {
    if (one instanceof Error) throw one
    yield Buffer.from(one)
  }
}

test('a failure before the first byte is an answer; one after it cuts the connection', async () => {
  const answers = [pieces(new Error('early')), pieces('some', new Error('late')), pieces('fine')]
  const url = await serve(() => ({ bytes: answers.shift()! }))
  expect((await fetch(url)).status).toBe(500)
  const cut = await fetch(url)
  expect(cut.status).toBe(200)
  await expect(cut.text()).rejects.toThrow('terminated')
  expect(await (await fetch(url)).text()).toBe('fine')
})

test('what is shorter than it was said to be is cut, what is longer ends at its length', async () => {
  const answers: BytesAnswer[] = [{ bytes: pieces('abc'), length: 5 }, { bytes: pieces('abc', 'def'), length: 4 }, { bytes: pieces() }]
  const url = await serve(() => answers.shift()!)
  await expect((await fetch(url)).text()).rejects.toThrow('terminated')
  const longer = await fetch(url)
  expect([longer.headers.get('content-length'), await longer.text()]).toEqual(['4', 'abcd'])
  expect((await fetch(url)).headers.get('content-length')).toBe('0')
})

test('nothing is left of an answer to a client that is gone already', async () => {
  const over = Promise.withResolvers<void>()
  async function* some(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from('a')
      yield Buffer.from('b')
    } finally {
      over.resolve()
    }
  }
  server = Fastify({ forceCloseConnections: true })
  server.get('/', async (_, reply) => {
    reply.raw.destroy()
    await once(reply.raw, 'close')
    return sendBytes(reply, 200, { bytes: some() })
  })
  await expect(fetch(await server.listen({ host: '127.0.0.1', port: 0 }))).rejects.toThrow('fetch failed')
  await over.promise
})

test('no more is asked for than the client takes, and nothing once it is gone', async () => {
  let asked = 0
  const over = Promise.withResolvers<void>()
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        asked++
        yield Buffer.alloc(64 * 1024)
      }
    } finally {
      over.resolve()
    }
  }
  const url = await serve(() => ({ bytes: endless() }))
  const request = get(url)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.pause()
  let before = -1
  await until(
    () => {
      const still = asked === before
      before = asked
      return still
    },
    Boolean,
    { what: 'the sender waits' },
  )
  // 64 MiB; sockets hold a few.
  expect(asked).toBeLessThan(1024)
  request.destroy()
  await over.promise
})

const text = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = ''
  for await (const chunk of source) all += Buffer.from(chunk).toString()
  return all
}

test('an array is sent batch by batch, through its schema', async () => {
  const item = z.object({ name: z.string() })
  async function* batches(...some: object[][]): AsyncGenerator<object[]> {
    yield* some
  }
  expect(await text(rowsAsJson(batches(), item))).toBe('[]')
  expect(await text(rowsAsJson(batches([], [{ name: 'a', secret: 1 }, { name: 'b' }], [], [{ name: '\udcff' }]), item))).toBe(
    '[{"name":"a"},{"name":"b"},{"name":"\\udcff"}]',
  )
})

test('a long text is never whole', async () => {
  const pieces = ['"a\n', '\u0000\u20ac\ud83d\ude00', '', '\udcff"']
  const all: Uint8Array[] = []
  for await (const chunk of textAsJson('content', pieces, { size: 1 })) all.push(chunk)
  expect(all).toHaveLength(pieces.length + 2)
  expect(JSON.parse(Buffer.concat(all).toString())).toEqual({ size: 1, content: pieces.join('') })
  expect(await text(textAsJson('content', [], {}))).toBe('{"content":""}')
})

test('of 100,000 rows only a batch is held', async () => {
  const item = z.object({ n: z.number() })
  let made = 0
  async function* batches(): AsyncGenerator<{ n: number }[]> {
    for (; made < 1000; made++) yield Array.from({ length: 100 }, (_, i) => ({ n: made * 100 + i }))
  }
  const chunks = rowsAsJson(batches(), item)
  let all = ''
  let taken = 0
  for await (const chunk of chunks) {
    expect(made - taken).toBeLessThanOrEqual(1)
    taken++
    all += Buffer.from(chunk).toString()
  }
  expect(JSON.parse(all)).toHaveLength(100_000)
})
