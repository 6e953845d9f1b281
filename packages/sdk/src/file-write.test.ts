import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, readAll } from '../test/fake-daemon.ts'
import { fileInfoOf } from '../test/file-samples.ts'
import { fileWorld, INFO, once, text, type FileWorld } from '../test/file-world.ts'
import { MachineError } from './index.ts'

let world: FileWorld
let daemon: FileWorld['daemon']
let files: FileWorld['files']
let seen: FileWorld['seen']
let bodies: FileWorld['bodies']
beforeEach(async () => {
  world = await fileWorld()
  ;({ daemon, files, seen, bodies } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

describe('writing', () => {
  const takeRaw = () => {
    const got: { query: unknown; content: string; length: number | undefined }[] = []
    daemon.on({
      async uploadFileRaw({ query, body }) {
        got.push({ query, content: await text(body.bytes), length: body.length })
      },
      fileInfo: ({ body }) => fileInfoOf(body.path),
    })
    return got
  }

  test('text and bytes go as JSON', async () => {
    daemon.on({ writeFile: () => fileInfoOf('/w/a.txt') })
    expect(await files.write('/w/a.txt', 'é', { mode: '0600', user: 'me' })).toMatchObject(INFO)
    await files.write('/w/a.txt', Uint8Array.from([0, 255]), { append: true })
    expect(bodies()).toEqual([
      { path: '/w/a.txt', content: 'é', encoding: 'utf8', append: false, mode: '0600', user: 'me' },
      { path: '/w/a.txt', content: 'AP8=', encoding: 'base64', append: true },
    ])
  })

  test('base64 of what does not divide by three', async () => {
    daemon.on({ writeFile: () => fileInfoOf('/w/a') })
    const bytes = Uint8Array.from({ length: 100_001 }, (_, at) => at % 251)
    await files.write('/w/a', bytes)
    expect((bodies()[0] as { content: string }).content).toBe(Buffer.from(bytes).toString('base64'))
  })

  test('streams go as they come, and long contents', async () => {
    const got = takeRaw()
    expect(await files.write('/w/a', once('ab', 'cd'), { append: true, user: 'me' })).toMatchObject({ path: '/w/a' })
    await files.write('/w/b', new Blob(['blob']).stream())
    const long = 'x'.repeat(4 * 1024 * 1024 + 1)
    await files.write('/w/c', long)
    expect(got.map(({ query, content }) => [query, content.length])).toEqual([
      [{ path: '/w/a', append: 'true', user: 'me' }, 4],
      [{ path: '/w/b' }, 4],
      [{ path: '/w/c' }, long.length],
    ])
    expect(bodies().filter((body) => body !== null && typeof body === 'object' && 'path' in body)).toEqual([
      { path: '/w/a', user: 'me' },
      { path: '/w/b' },
      { path: '/w/c' },
    ])
  })

  test('a stream is sent once, whatever becomes of it; long bytes are sent again', async () => {
    daemon.on({ uploadFileRaw: () => DROP })
    await expect(files.write('/w/a', once('ab'))).rejects.toMatchObject({ code: 'transport_error' })
    expect(seen()).toHaveLength(1)
    daemon.on({ uploadFileRaw: () => ({ status: 429, text: '', headers: { 'retry-after': '1' } }) })
    await expect(files.write('/w/a', once('ab'))).rejects.toMatchObject({ name: 'RateLimitError' })
    expect(seen()).toHaveLength(2)
    let calls = 0
    daemon.on({
      async uploadFileRaw({ body }) {
        calls += 1
        await readAll(body.bytes)
        return calls === 1 ? DROP : undefined
      },
      fileInfo: () => fileInfoOf('/w/c'),
    })
    await files.write('/w/c', new Uint8Array(5 * 1024 * 1024))
    expect(calls).toBe(2)
  })

  test('what the source fails with is what the call fails with', async () => {
    const failure = new Error('the disk is gone')
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      throw failure
    }
    let whole = false
    daemon.on({
      async uploadFileRaw({ body }) {
        await readAll(body.bytes)
        whole = true
      },
    })
    await expect(files.write('/w/a', source())).rejects.toBe(failure)
    expect(whole).toBe(false)
  })

  test('a refusal while it is still being sent ends the source', async () => {
    let left = false
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(64 * 1024)
      } finally {
        left = true
      }
    }
    daemon.on({
      uploadFileRaw() {
        throw new AppError('file_error', { say: 'full', details: { reason: 'no_space' } })
      },
    })
    await expect(files.write('/w/a', source())).rejects.toBeInstanceOf(MachineError)
    await expect.poll(() => left).toBe(true)
  })

  test('an aborted signal ends the source', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    let left = false
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('a')
        stop.abort(reason)
        for (;;) yield Buffer.alloc(64 * 1024)
      } finally {
        left = true
      }
    }
    daemon.on({ uploadFileRaw: ({ body }) => readAll(body.bytes).then(() => undefined) })
    await expect(files.write('/w/a', source(), { signal: stop.signal })).rejects.toBe(reason)
    await expect.poll(() => left).toBe(true)
  })

  test('mode does not go with a stream', async () => {
    await expect(files.write('/w/a', once('a'), { mode: '0600' })).rejects.toMatchObject({ code: 'invalid_request' })
    expect(seen()).toHaveLength(0)
  })
})
