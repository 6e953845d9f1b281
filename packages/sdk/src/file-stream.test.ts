import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP } from '../test/fake-daemon.ts'
import { fileWorld, once, text, type FileWorld } from '../test/file-world.ts'
import { Client, Machine, MachineError, type Files } from './index.ts'

let world: FileWorld
let daemon: FileWorld['daemon']
let files: FileWorld['files']
let seen: FileWorld['seen']
beforeEach(async () => {
  world = await fileWorld()
  ;({ daemon, files, seen } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

describe('reading', () => {
  const answer = (content: string, over: object = {}) => ({ bytes: once(content), length: content.length, ...over })

  test('bytes and a stream of them', async () => {
    daemon.on({ downloadFile: ({ query }) => answer(`of ${query['path']}`) })
    expect(Buffer.from(await files.readBytes('/a b', { user: 'me' })).toString()).toBe('of /a b')
    expect(await text(files.readStream('/c'))).toBe('of /c')
    expect(seen().map(({ query }) => query)).toEqual([{ path: '/a b', user: 'me' }, { path: '/c' }])
    expect(seen()[0]?.headers).toMatchObject({ 'accept-encoding': 'identity' })
  })

  test('a name that is no UTF-8 is itself in the query', async () => {
    const urls: string[] = []
    const spied: typeof fetch = (url, init) => {
      urls.push(String(url))
      return fetch(url, init)
    }
    daemon.on({ downloadFile: () => answer('x') })
    const client = new Client({ apiKey: daemon.key, baseUrl: daemon.url, fetch: spied })
    const other = await Machine.create({ client })
    await other.files.readBytes('/w/\udcff é')
    expect(urls.at(-1)).toMatch(/\/file\?path=%2Fw%2F%FF%20%C3%A9$/)
  })

  test.each<[string, Parameters<Files['readStream']>[1], string]>([
    ['from a place on', { range: { offset: 3 } }, 'bytes=3-'],
    ['so many', { range: { offset: 0, length: 2 } }, 'bytes=0-1'],
    ['the last', { range: { last: 7 } }, 'bytes=-7'],
  ])('a part: %s', async (_, options, header) => {
    daemon.on({ downloadFile: () => answer('part', { status: 206 }) })
    expect(await text(files.readStream('/a', options))).toBe('part')
    expect(seen()[0]?.headers['range']).toBe(header)
  })

  test('a part that is answered with the whole, and one that is none', async () => {
    daemon.on({ downloadFile: () => answer('whole') })
    await expect(text(files.readStream('/a', { range: { offset: 3 } }))).rejects.toMatchObject({ code: 'invalid_response' })
    daemon.on({ downloadFile: () => answer('') })
    expect(await text(files.readStream('/a', { range: { last: 3 } }))).toBe('')
    for (const range of [{ offset: -1 }, { offset: 0, length: 0 }, { last: 0 }, { offset: 0.5 }]) {
      expect(() => files.readStream('/a', { range })).toThrow(MachineError)
    }
    expect(seen()).toHaveLength(2)
  })

  test('nothing is sent before it is read, and no more once it is left', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x')
      await new Promise(() => {})
    }
    daemon.on({ downloadFile: () => ({ bytes: endless() }) })
    const stream = files.readStream('/a')
    expect(seen()).toHaveLength(0)
    for await (const piece of stream) {
      expect(piece[0]).toBe(120)
      break
    }
    // The connection ends: there would be more to come.
    await seen()[0]?.closed
    expect(seen()).toHaveLength(1)
  })

  test('the opening is repeated, what is cut after it is not', async () => {
    let calls = 0
    const came = Promise.withResolvers<void>()
    const cut = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc')
      await came.promise
      throw new Error('the machine is gone')
    }
    daemon.on({ downloadFile: () => (calls++ === 0 ? DROP : { bytes: cut(), length: 9 }) })
    const got: string[] = []
    await expect(
      (async () => {
        for await (const piece of files.readStream('/a')) {
          got.push(Buffer.from(piece).toString())
          came.resolve()
        }
      })(),
    ).rejects.toMatchObject({ code: 'transport_error' })
    expect(seen()).toHaveLength(2)
    expect(got.join('')).toBe('abc')
  })

  test('an aborted signal rejects with its reason, before the answer and within it', async () => {
    const reason = new Error('enough')
    for (const bytes of [undefined, Buffer.from('abc')]) {
      const stop = new AbortController()
      const never = async function* (): AsyncGenerator<Uint8Array> {
        if (bytes) yield bytes
        await new Promise(() => {})
      }
      daemon.on({
        downloadFile() {
          if (!bytes) queueMicrotask(() => stop.abort(reason))
          return { bytes: never() }
        },
      })
      const reading = (async () => {
        for await (const _ of files.readStream('/a', { signal: stop.signal })) stop.abort(reason)
      })()
      await expect(reading).rejects.toBe(reason)
    }
  })

  test('silence is a timeout', async () => {
    const never = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      await new Promise(() => {})
    }
    daemon.on({ downloadFile: () => ({ bytes: never() }) })
    await expect(files.readBytes('/a', { requestTimeoutMs: 50 })).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})
