import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, readAll, type FakeDaemon } from '../test/fake-daemon.ts'
import { fileInfoOf } from '../test/file-samples.ts'
import { machine, machineId } from '../test/samples.ts'
import { BatchWriteError, Client, Machine, MachineError, type Files } from './index.ts'

let daemon: FakeDaemon
let files: Files
let waits: number[]
beforeEach(async () => {
  daemon = await fakeDaemon()
  const mine: number[] = []
  waits = mine
  const sleep = async (ms: number): Promise<void> => void mine.push(ms)
  daemon.on({ createMachine: () => machine() })
  files = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })).files
})
afterEach(() => daemon[Symbol.asyncDispose]())

const seen = () => daemon.seen.slice(1)
const bodies = (): unknown[] => seen().map(({ body }) => body)
const id = machineId('a')
const INFO = { name: 'a.txt', path: '/w/a.txt', isDir: false, size: 5, type: 'file', owner: 'root', modifiedTime: '2026-11-01T10:00:00Z' }

async function* once(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) yield Buffer.from(piece)
}

const text = async (stream: AsyncIterable<Uint8Array>): Promise<string> => (await readAll(stream)).toString()

describe('calls', () => {
  test('what is asked about a path', async () => {
    daemon.on({
      readFile: () => ({ content: 'hello', encoding: 'utf8', size: 5 }),
      fileExists: () => ({ exists: true }),
      fileInfo: () => fileInfoOf('/w/a.txt', { type: 'symlink', symlink_target: 'b' }),
      downloadUrl: () => ({ url: 'http://d/1' }),
      uploadUrl: () => ({ url: 'http://u/1', token: 't' }),
    })
    expect(await files.read('a.txt')).toBe('hello')
    expect(await files.exists('/x', { user: 'me' })).toBe(true)
    expect(await files.info('/w/a.txt')).toMatchObject({ ...INFO, type: 'symlink', symlinkTarget: 'b' })
    expect(await files.downloadUrl('/x')).toBe('http://d/1')
    expect(await files.uploadUrl('/x', { user: 'me' })).toEqual({ url: 'http://u/1', token: 't' })
    expect(bodies()).toEqual([
      { path: 'a.txt', encoding: 'utf8' },
      { path: '/x', user: 'me' },
      { path: '/w/a.txt' },
      { path: '/x' },
      { path: '/x', user: 'me' },
    ])
    expect(seen()[0]?.params).toEqual({ id })
  })

  test('what changes something', async () => {
    daemon.on({
      makeDir: () => undefined,
      removeFile: () => undefined,
      renameFile: () => fileInfoOf('/w/b'),
      setFilePermissions: () => undefined,
      replaceInFiles: () => ({ replacements: 3, files_modified: 1, files_skipped: 0, binary_files_skipped: 2 }),
    })
    await files.makeDir('/w/d')
    await files.remove('/w/d', { user: '1000' })
    expect(await files.rename('/w/a', '/w/b')).toMatchObject({ path: '/w/b' })
    await files.setPermissions('/w/b', '0755')
    expect(await files.replace(['/w/b'], 'x', 'y', { dryRun: true })).toEqual({
      replacements: 3,
      filesModified: 1,
      filesSkipped: 0,
      binaryFilesSkipped: 2,
    })
    expect(bodies()).toEqual([
      { path: '/w/d' },
      { path: '/w/d', user: '1000' },
      { old_path: '/w/a', new_path: '/w/b' },
      { path: '/w/b', permissions: '0755' },
      { files: ['/w/b'], pattern: 'x', replacement: 'y', dry_run: true },
    ])
  })

  test('lists, lines and paths', async () => {
    daemon.on({
      listDir: () => [fileInfoOf('/w/d', { is_dir: true, type: 'dir' }), fileInfoOf('/w/\udcff')],
      findInFiles: () => [{ file: '/w/a', line: 2, content: 'x = 1' }],
      searchFiles: () => ['/w/a.ts'],
    })
    const all = await files.list('/w', { depth: 2, user: 'me' })
    expect(all.map(({ path, isDir }) => [path, isDir])).toEqual([
      ['/w/d', true],
      ['/w/\udcff', false],
    ])
    expect(await files.find('/w', '^x')).toEqual([{ file: '/w/a', line: 2, content: 'x = 1' }])
    expect(await files.search('/w', '*.ts')).toEqual(['/w/a.ts'])
    expect(seen()[0]?.query).toEqual({ path: '/w', depth: '2', user: 'me' })
  })

  test('what does no harm twice is repeated when its answer is lost, and nothing else', async () => {
    let lost = 0
    const dropOnce = <T>(answer: T) => (lost++ % 2 === 0 ? DROP : answer)
    daemon.on({ makeDir: () => dropOnce(undefined), removeFile: () => DROP, writeFile: () => dropOnce(fileInfoOf('/w/a.txt')) })
    await files.makeDir('/w/d')
    await files.write('/w/a.txt', 'x')
    await expect(files.remove('/w/d')).rejects.toMatchObject({ code: 'transport_error' })
    lost = 0
    await expect(files.write('/w/a.txt', 'x', { append: true })).rejects.toMatchObject({ code: 'transport_error' })
    expect(seen().map(({ route }) => route)).toEqual(['makeDir', 'makeDir', 'writeFile', 'writeFile', 'removeFile', 'writeFile'])
    expect(waits).toEqual([250, 250])
  })

  test.each<[string, 'file_not_found' | 'permission_denied' | 'file_error' | 'machine_not_ready', string]>([
    ['nothing there', 'file_not_found', 'NotFoundError'],
    ['not allowed', 'permission_denied', 'PermissionError'],
    ['no room', 'file_error', 'MachineError'],
    ['paused', 'machine_not_ready', 'ConflictError'],
  ])('a refusal: %s', async (_, code, name) => {
    const refuse = (): never => {
      throw new AppError(code, { say: 'no', details: { reason: 'r' } })
    }
    daemon.on({ readFile: refuse, downloadFile: refuse, uploadFileRaw: refuse, batchWriteFiles: refuse, listDir: refuse })
    for (const call of [
      () => files.read('/x'),
      () => files.readBytes('/x'),
      () => files.write('/x', once('a')),
      () => files.writeMany([{ path: '/x', content: 'a' }]),
      () => files.list('/x'),
    ]) {
      await expect(call()).rejects.toMatchObject({ name, code, details: { reason: 'r' }, requestId: 'req_fake' })
    }
  })
})

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

describe('writeMany', () => {
  test('a manifest and then the files, of whatever they are', async () => {
    const parts: [string, string][] = []
    daemon.on({
      async batchWriteFiles({ body }) {
        for await (const part of body.parts) parts.push([part.name, await text(part.bytes)])
        const results = ['/w/a', '/w/\udcff', '/w/c'].map((path) => ({ status: 'success' as const, path, info: fileInfoOf(path) }))
        return { results }
      },
    })
    const all = await files.writeMany(
      [
        { path: '/w/a', content: 'text' },
        { path: '/w/\udcff', content: Uint8Array.from([104, 105]) },
        { path: '/w/c', content: once('st', 'ream') },
      ],
      { user: 'me' },
    )
    expect(all.map(({ path }) => path)).toEqual(['/w/a', '/w/\udcff', '/w/c'])
    const manifest = {
      files: [
        { path: '/w/a', field: 'file0' },
        { path: '/w/\udcff', field: 'file1' },
        { path: '/w/c', field: 'file2' },
      ],
      user: 'me',
    }
    expect(JSON.parse(parts[0]?.[1] ?? '')).toEqual(manifest)
    expect(parts[0]?.[1]).toContain(String.raw`\udcff`)
    expect(parts.slice(1)).toEqual([
      ['file0', 'text'],
      ['file1', 'hi'],
      ['file2', 'stream'],
    ])
  })

  test('some that were not written', async () => {
    daemon.on({
      batchWriteFiles: () => ({
        results: [
          { status: 'success', path: '/w/a', info: fileInfoOf('/w/a') },
          { status: 'error', path: '/w/b', error: 'It is a directory.' },
        ],
      }),
    })
    const failed = await files.writeMany(['/w/a', '/w/b'].map((path) => ({ path, content: '' }))).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(BatchWriteError)
    expect(failed).toMatchObject({
      code: 'batch_write_partial_failure',
      message: '1 of 2 files were not written; /w/b: It is a directory.',
      successes: [{ path: '/w/a' }],
      failures: [{ path: '/w/b', error: 'It is a directory.' }],
    })
  })

  test('none at all sends nothing', async () => {
    expect(await files.writeMany([])).toEqual([])
    expect(seen()).toHaveLength(0)
  })
})
