import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError, type UploadErrorReason } from '@nullspace/contract/errors.ts'
import type { UploadSession } from '@nullspace/contract/uploads.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, raw, readAll, type FakeDaemon } from '../../test/fake-daemon.ts'
import { fileInfoOf, uploadSession } from '../../test/file-samples.ts'
import { machine } from '../../test/samples.ts'
import { Client, FileUploadError, Machine, type Files, type UploadProgress } from '../index.ts'
import { readTar } from './tar-reader.ts'

let daemon: FakeDaemon
let files: Files
let waits: number[]
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nullspace-upload-test-'))
  daemon = await fakeDaemon()
  const mine: number[] = []
  waits = mine
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    mine.push(ms)
    signal?.throwIfAborted()
  }
  daemon.on({ createMachine: () => machine(), fileInfo: ({ body }) => fileInfoOf(body.path.replace(/^~/, '/root')) })
  files = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })).files
})
afterEach(async () => {
  await daemon[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

const at = (name: string): string => join(root, name)
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
const seen = (route: string) => daemon.seen.filter((one) => one.route === route)
const refuse = (reason: UploadErrorReason, over: object = {}): never => {
  throw new AppError('file_upload_error', { say: 'no', upload: { reason, retryable: false, upload_id: 'upl_1', ...over } })
}
async function* once(...pieces: string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) yield Buffer.from(piece)
}

interface Store {
  readonly parts: Map<number, Buffer>
  /** In the order of their coming. */
  readonly order: number[]
  session: UploadSession
  whole(): Buffer
  published: boolean
  /** Called before a part is kept. What it answers is the answer, and nothing is kept. */
  before: (number: number, time: number) => unknown
}

/** A daemon that keeps parts and checks them as the real one does. */
function uploads(over: Partial<UploadSession> = {}): Store {
  const times = new Map<number, number>()
  const store: Store = {
    parts: new Map(),
    order: [],
    session: uploadSession(over),
    whole: () => Buffer.concat([...store.parts].toSorted(([one], [other]) => one - other).map(([, bytes]) => bytes)),
    published: false,
    before: () => undefined,
  }
  const now = (): UploadSession => {
    const missing = Array.from({ length: store.session.part_count }, (_, number) => number).find((number) => !store.parts.has(number))
    const { next_part: _, ...session } = store.session
    return { ...session, accepted_bytes: store.whole().length, ...(missing === undefined ? {} : { next_part: missing }) }
  }
  daemon.on({
    createUploadSession({ body }) {
      const { content_length, kind, source_kind, target_path, conflict } = body
      const part_count = Math.ceil(content_length / store.session.part_size)
      store.session = { ...store.session, content_length, kind, source_kind, target_path, conflict, part_count }
      return { session: now() }
    },
    getUploadSession: () => now(),
    async uploadSessionPart({ params, headers, body }) {
      const number = Number(params.part_number)
      times.set(number, (times.get(number) ?? 0) + 1)
      const bytes = await readAll(body.bytes)
      const answer = await store.before(number, times.get(number) ?? 0)
      // Sound: tests answer what such a handler may.
      if (answer !== undefined) return answer as UploadSession
      expect(headers['x-nullspace-part-sha256']).toBe(sha256(bytes))
      expect(body.length).toBe(bytes.length)
      store.parts.set(number, bytes)
      store.order.push(number)
      return now()
    },
    completeUploadSession({ body }) {
      if (body.whole_checksum_sha256 && body.whole_checksum_sha256 !== sha256(store.whole())) refuse('whole_checksum_mismatch')
      store.published = true
      store.session = { ...store.session, status: 'completed' }
      return { session: now(), published_bytes: store.whole().length, published_file_count: 7 }
    },
    abortUploadSession: () => undefined,
  })
  return store
}

describe('in one request', () => {
  const take = () => {
    const got: string[] = []
    daemon.on({
      async uploadFileRaw({ query, body }) {
        got.push(`${query['user'] ?? ''} ${query['path']} ${(await readAll(body.bytes)).toString()}`)
      },
    })
    return got
  }

  test('a small file, from a path and from a URL', async () => {
    const got = take()
    await writeFile(at('a.txt'), 'hello')
    const told: UploadProgress[] = []
    const result = await files.upload(at('a.txt'), '~/d/', { user: 'me', onProgress: (one) => void told.push(one) })
    expect(result).toEqual({
      kind: 'file',
      targetPath: '/root/d/a.txt',
      bytesUploaded: 5,
      fileCount: 1,
      transport: 'direct',
      resumed: false,
      uploadId: undefined,
    })
    expect(told.map(({ phase, bytesCompleted, bytesTotal }) => [phase, bytesCompleted, bytesTotal])).toEqual([
      ['preparing', 0, undefined],
      ['created', 0, 5],
      ['uploading', 5, 5],
      ['completed', 5, 5],
    ])
    await files.upload(pathToFileURL(at('a.txt')), '/w/b.txt')
    expect(got).toEqual(['me ~/d/a.txt hello', ' /w/b.txt hello'])
  })

  test('an empty file, bytes, and a short stream', async () => {
    const got = take()
    await writeFile(at('empty'), '')
    await files.upload(at('empty'), '/w/e')
    await files.upload(Buffer.from('bytes'), '/w/b')
    await files.upload(once('st', 'ream'), '/w/s')
    expect(got).toEqual([' /w/e ', ' /w/b bytes', ' /w/s stream'])
  })

  test('a stream of any length when no parts are wanted', async () => {
    let bytes = 0
    daemon.on({
      async uploadFileRaw({ body }) {
        for await (const piece of body.bytes) bytes += piece.length
      },
    })
    const long = async function* (): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < 40; piece += 1) yield Buffer.alloc(256 * 1024)
    }
    expect(await files.upload(long(), '/w/s', { resumable: false })).toMatchObject({ transport: 'direct', bytesUploaded: 10 * 2 ** 20 })
    expect(bytes).toBe(10 * 2 ** 20)
  })

  test('a lost answer is asked for again, with all of the file', async () => {
    const got = take()
    let calls = 0
    daemon.on({
      async uploadFileRaw({ body }) {
        got.push((await readAll(body.bytes)).toString())
        return calls++ === 0 ? DROP : undefined
      },
    })
    await writeFile(at('a'), 'hello')
    expect(await files.upload(at('a'), '/w/a')).toMatchObject({ bytesUploaded: 5 })
    expect(got).toEqual(['hello', 'hello'])
  })

  test('a refusal', async () => {
    daemon.on({
      uploadFileRaw() {
        throw new AppError('permission_denied', { say: 'no' })
      },
    })
    const phases: string[] = []
    await writeFile(at('a'), 'hello')
    await expect(files.upload(at('a'), '/w/a', { onProgress: ({ phase }) => void phases.push(phase) })).rejects.toMatchObject({
      name: 'PermissionError',
      code: 'permission_denied',
    })
    expect(phases.at(-1)).toBe('failed')
  })
})

describe('in parts', () => {
  test('a file, several parts at once and in any order', async () => {
    const store = uploads()
    const second = Promise.withResolvers<void>()
    // The first part is not answered before all others are there.
    store.before = async (number) => {
      if (number === 0) await second.promise
      else if (store.order.length === 1) second.resolve()
    }
    await writeFile(at('a.bin'), '0123456789')
    const told: UploadProgress[] = []
    const result = await files.upload(at('a.bin'), '/w/a.bin', {
      resumable: true,
      user: 'me',
      conflict: 'replace',
      onProgress: (one) => void told.push(one),
    })
    expect(result).toEqual({
      kind: 'file',
      targetPath: '/w/a.bin',
      bytesUploaded: 10,
      fileCount: 1,
      transport: 'resumable',
      resumed: false,
      uploadId: 'upl_1',
    })
    expect(store.order.at(-1)).toBe(0)
    expect(store.whole().toString()).toBe('0123456789')
    expect(seen('createUploadSession')[0]?.body).toEqual({
      kind: 'file',
      source_kind: 'restartable_file',
      target_path: '/w/a.bin',
      content_length: 10,
      conflict: 'replace',
      checksum_algorithm: 'sha256',
      user: 'me',
    })
    expect(seen('createUploadSession')[0]?.headers['idempotency-key']).toMatch(/./)
    expect(seen('completeUploadSession')[0]).toMatchObject({ body: { whole_checksum_sha256: sha256('0123456789') } })
    expect(told.map(({ phase }) => phase)).toEqual([
      'preparing',
      'created',
      'uploading',
      'uploading',
      'uploading',
      'completing',
      'completed',
    ])
    expect(told.at(-1)).toEqual({ phase: 'completed', bytesCompleted: 10, bytesTotal: 10, transport: 'resumable', uploadId: 'upl_1' })
  })

  test.each<[string, number | undefined, number]>([
    ['as many at once as is allowed', undefined, 2],
    ['fewer when told', 1, 1],
    ['not more', 9, 2],
  ])('%s', async (_, maxConcurrency, most) => {
    const store = uploads({ max_concurrency: 2, part_size: 1 })
    let now = 0
    let highest = 0
    store.before = async () => {
      highest = Math.max(highest, ++now)
      await new Promise((resolve) => setTimeout(resolve, 5))
      now -= 1
    }
    await writeFile(at('a'), '012345')
    await files.upload(at('a'), '/w/a', { checksum: 'sha256', ...(maxConcurrency === undefined ? {} : { maxConcurrency }) })
    expect(highest).toBe(most)
    expect(store.whole().toString()).toBe('012345')
  })

  test('a long file and a long stream go so by themselves, and nothing of the stream stays', async () => {
    const store = uploads({ part_size: 4 * 2 ** 20 })
    const content = Buffer.alloc(9 * 2 ** 20, 'abc')
    await writeFile(at('long'), content)
    expect(await files.upload(at('long'), '/w/l')).toMatchObject({ transport: 'resumable', bytesUploaded: content.length })
    expect(store.whole().equals(content)).toBe(true)
    store.parts.clear()
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      for (let from = 0; from < content.length; from += 100_000) yield content.subarray(from, from + 100_000)
    }
    const spools = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => /^nullspace-upload-[0-9a-f]{8}-/.test(name))
    const before = await spools()
    let during: string[] = []
    store.before = async () => void (during = await spools())
    await files.upload(stream(), '/w/l')
    expect(during).toHaveLength(before.length + 1)
    expect(await spools()).toEqual(before)
    expect(store.whole().equals(content)).toBe(true)
    expect(seen('createUploadSession').map(({ body }) => (body as { source_kind: string }).source_kind)).toEqual([
      'restartable_file',
      'spooled_stream',
    ])
  })

  test('nothing at all', async () => {
    const store = uploads()
    await writeFile(at('empty'), '')
    expect(await files.upload(at('empty'), '/w/e', { resumable: true })).toMatchObject({ bytesUploaded: 0 })
    expect(store.order).toEqual([])
    expect(seen('completeUploadSession')[0]?.body).toEqual({ whole_checksum_sha256: sha256('') })
  })

  test('a part that is lost is asked after and sent again', async () => {
    const store = uploads()
    store.before = (number, time) => (number === 1 && time <= 2 ? DROP : undefined)
    const phases: string[] = []
    await writeFile(at('a'), '0123456789')
    await files.upload(at('a'), '/w/a', { resumable: true, onProgress: ({ phase }) => void phases.push(phase) })
    expect(store.whole().toString()).toBe('0123456789')
    expect(seen('getUploadSession')).toHaveLength(2)
    expect(phases.filter((phase) => phase === 'retrying')).toHaveLength(2)
    expect(waits).toHaveLength(2)
    for (const [index, least] of [250, 500].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(least)
      expect(waits[index]).toBeLessThanOrEqual(least * 1.25)
    }
  })

  test('a part whose answer is lost is not sent again', async () => {
    const store = uploads({ max_concurrency: 1 })
    store.before = (number) => {
      if (number !== 0) return undefined
      store.parts.set(0, Buffer.from('0123'))
      return DROP
    }
    await writeFile(at('a'), '0123456789')
    await files.upload(at('a'), '/w/a', { resumable: true })
    expect(seen('uploadSessionPart').map(({ params }) => params['part_number'])).toEqual(['0', '1', '2'])
    expect(store.published).toBe(true)
  })

  test('a part that was damaged on the way is sent again', async () => {
    const store = uploads()
    store.before = (number, time) => (number === 2 && time === 1 ? refuse('invalid_part_checksum', { part_number: 2 }) : undefined)
    await writeFile(at('a'), '0123456789')
    await files.upload(at('a'), '/w/a', { resumable: true })
    expect(store.whole().toString()).toBe('0123456789')
  })

  test('a part that is always lost names the upload, and nothing goes on', async () => {
    const store = uploads({ part_size: 1, max_concurrency: 2 })
    store.before = (number) => (number === 1 ? DROP : undefined)
    await writeFile(at('a'), '0123456789')
    const error = await files.upload(at('a'), '/w/a', { resumable: true }).catch((failed: unknown) => failed)
    expect(error).toBeInstanceOf(FileUploadError)
    expect(error).toMatchObject({
      code: 'file_upload_error',
      uploadId: 'upl_1',
      path: '/w/a',
      details: { wrapped_code: 'transport_error' },
    })
    expect(seen('uploadSessionPart').filter(({ params }) => params['part_number'] === '1')).toHaveLength(6)
    expect(store.published).toBe(false)
    const count = daemon.seen.length
    await new Promise((resolve) => setImmediate(resolve))
    expect(daemon.seen).toHaveLength(count)
  })

  test.each<[UploadSession['status'], string]>([
    ['aborted', 'upload_aborted'],
    ['expired', 'upload_expired'],
    ['failed', 'missing_parts'],
  ])('an upload that is %s meanwhile', async (status, reason) => {
    const store = uploads()
    store.before = () => {
      store.session = { ...store.session, status }
      return DROP
    }
    await writeFile(at('a'), '0123456789')
    await expect(files.upload(at('a'), '/w/a', { resumable: true })).rejects.toMatchObject({ reason, uploadId: 'upl_1' })
  })

  test('a part is refused for rate: it waits as told', async () => {
    const store = uploads()
    store.before = (number, time) => (number === 1 && time === 1 ? raw(429, '{}', { 'retry-after': '1.5' }) : undefined)
    await writeFile(at('a'), '0123456789')
    await files.upload(at('a'), '/w/a', { resumable: true })
    expect(waits).toEqual([1500])
    expect(store.whole().toString()).toBe('0123456789')
  })

  test('lost answers to the beginning and the end are asked for with the same key', async () => {
    const store = uploads()
    let begun = 0
    let ended = 0
    daemon.on({
      createUploadSession({ body }) {
        store.session = { ...store.session, target_path: body.target_path }
        return begun++ === 0 ? DROP : { session: store.session }
      },
      completeUploadSession: () =>
        ended++ === 0 ? DROP : { session: { ...store.session, status: 'completed' }, published_bytes: 10, published_file_count: 1 },
    })
    await writeFile(at('a'), '0123456789')
    expect(await files.upload(at('a'), '/w/a', { resumable: true })).toMatchObject({ bytesUploaded: 10 })
    const keys = [...seen('createUploadSession'), ...seen('completeUploadSession')].map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(4)
    expect(new Set(keys).size).toBe(2)
    expect(keys[0]).toBe(keys[1])
  })

  test('refused at the beginning, and at the end', async () => {
    const store = uploads()
    await writeFile(at('a'), '0123456789')
    daemon.on({ completeUploadSession: () => refuse('target_conflict', { path: '/w/a' }) })
    await expect(files.upload(at('a'), '/w/a', { conflict: 'error' })).rejects.toMatchObject({
      name: 'FileUploadError',
      reason: 'target_conflict',
      uploadId: 'upl_1',
      path: '/w/a',
      message: 'no',
    })
    expect(store.session.conflict).toBe('error')
    daemon.on({ createUploadSession: () => refuse('insufficient_staging_space') })
    await expect(files.upload(at('a'), '/w/a', { resumable: true })).rejects.toMatchObject({ reason: 'insufficient_staging_space' })
  })

  test('an aborted signal rejects with its reason, and the upload stays', async () => {
    const store = uploads({ part_size: 1, max_concurrency: 2 })
    const stop = new AbortController()
    const reason = new Error('enough')
    store.before = (number) => {
      if (number === 3) stop.abort(reason)
    }
    await writeFile(at('a'), '0123456789')
    let uploadId: string | undefined
    const options = { resumable: true, signal: stop.signal, onProgress: (one: UploadProgress) => void (uploadId = one.uploadId) }
    await expect(files.upload(at('a'), '/w/a', options)).rejects.toBe(reason)
    expect(uploadId).toBe('upl_1')
    expect(seen('abortUploadSession')).toHaveLength(0)
    expect(store.published).toBe(false)
  })

  test('what the callback throws ends it', async () => {
    const store = uploads()
    const reason = new Error('enough')
    await writeFile(at('a'), '0123456789')
    const onProgress = ({ phase }: UploadProgress): void => {
      if (phase === 'uploading') throw reason
    }
    await expect(files.upload(at('a'), '/w/a', { resumable: true, onProgress })).rejects.toBe(reason)
    expect(store.published).toBe(false)
  })

  test('a file that gets shorter meanwhile', async () => {
    const store = uploads({ max_concurrency: 1 })
    await writeFile(at('a'), '0123456789')
    store.before = (number) => (number === 0 ? truncate(at('a'), 5) : undefined)
    await expect(files.upload(at('a'), '/w/a', { resumable: true })).rejects.toMatchObject({
      name: 'FileUploadError',
      uploadId: 'upl_1',
      message: expect.stringContaining('was changed during the upload'),
    })
    expect(store.published).toBe(false)
  })

  test('gives an upload up', async () => {
    uploads()
    await files.abortUpload('upl_1')
    expect(seen('abortUploadSession')[0]?.params).toMatchObject({ upload_id: 'upl_1' })
  })
})

describe('a directory', () => {
  const tree = async (): Promise<void> => {
    for (const dir of ['d/sub/empty', 'd/node_modules/x', 'd/logs']) await mkdir(at(dir), { recursive: true })
    await writeFile(at('d/.nullspaceignore'), '# built\nnode_modules/\n*.log\n')
    await writeFile(at('d/a.txt'), 'a'.repeat(1000), { mode: 0o755 })
    await writeFile(at('d/sub/b.txt'), 'b')
    await writeFile(at('d/node_modules/x/y'), 'y')
    await writeFile(at('d/logs/1.log'), 'l')
    await writeFile(at('d/logs/keep.log'), 'k')
    await writeFile(Buffer.concat([Buffer.from(`${at('d')}/c`), Buffer.from([0xff])]), 'c')
    await symlink('../a.txt', at('d/sub/link'))
  }
  const members = async (bytes: Buffer): Promise<string[]> => {
    const all: string[] = []
    for await (const { name, mode, target, content } of readTar(new Blob([Uint8Array.from(bytes)]).stream())) {
      all.push(`${name} ${mode.toString(8)} ${target || (await readAll(content)).length}`)
    }
    return all
  }

  test('goes as a tar without what is to be left out', async () => {
    const store = uploads({ part_size: 700 })
    await tree()
    const result = await files.upload(at('d'), '/w/', { ignore: ['!keep.log'] })
    expect(result).toMatchObject({ kind: 'directory', targetPath: '/w/d', transport: 'resumable', fileCount: 6 })
    expect(await members(store.whole())).toEqual([
      '.nullspaceignore 644 28',
      'a.txt 755 1000',
      'c\udcff 644 1',
      'logs/ 755 0',
      'logs/keep.log 644 1',
      'sub/ 755 0',
      'sub/b.txt 644 1',
      'sub/empty/ 755 0',
      'sub/link 777 ../a.txt',
    ])
    expect(seen('createUploadSession')[0]?.body).toMatchObject({
      kind: 'directory_tar',
      source_kind: 'directory_archive',
      archive_format: 'tar',
      target_path: '/w/d',
      conflict: 'merge',
    })
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a symlink that leads out', () => symlink('../../x', at('d/sub/out'))],
    ['an absolute symlink', () => symlink('/etc', at('d/out'))],
  ])('refused: %s', async (_, spoil) => {
    uploads({ part_size: 2 ** 20 })
    await tree()
    await spoil()
    await expect(files.upload(at('d'), '/w')).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('leads out'),
    })
    expect(seen('createUploadSession')).toHaveLength(0)
    await files.upload(at('d'), '/w', { ignore: ['out'] })
  })

  test('a file of it that changes meanwhile', async () => {
    const store = uploads({ part_size: 700, max_concurrency: 1 })
    await tree()
    store.before = (number) => (number === 0 ? writeFile(at('d/sub/b.txt'), 'longer') : undefined)
    await expect(files.upload(at('d'), '/w')).rejects.toMatchObject({ message: expect.stringContaining('sub/b.txt was changed') })
    expect(store.published).toBe(false)
  })
})

describe('resumed', () => {
  test('sends what is missing, and has the whole checked', async () => {
    const store = uploads({ content_length: 10 })
    store.parts.set(0, Buffer.from('0123'))
    await writeFile(at('a'), '0123456789')
    const told: UploadProgress[] = []
    const result = await files.resumeUpload('upl_1', at('a'), { onProgress: (one) => void told.push(one) })
    expect(result).toMatchObject({ kind: 'file', resumed: true, uploadId: 'upl_1', bytesUploaded: 10 })
    expect(store.order.toSorted()).toEqual([1, 2])
    expect(seen('completeUploadSession')[0]?.body).toEqual({ whole_checksum_sha256: sha256('0123456789') })
    expect(told.slice(0, 2).map(({ phase, bytesCompleted }) => [phase, bytesCompleted])).toEqual([
      ['refreshing_status', 0],
      ['created', 4],
    ])
  })

  test('after a cut upload of a directory, from the same tree', async () => {
    const store = uploads({ part_size: 512, max_concurrency: 1 })
    await mkdir(at('d'))
    for (const name of ['a', 'b', 'c']) await writeFile(at(`d/${name}`), name.repeat(700))
    store.before = (number) => (number >= 3 ? DROP : undefined)
    const error = await files.upload(at('d'), '/w').catch((failed: unknown) => failed)
    expect(error).toMatchObject({ name: 'FileUploadError', uploadId: 'upl_1' })
    store.before = () => undefined
    const result = await files.resumeUpload((error as FileUploadError).uploadId ?? '', at('d'))
    expect(result).toMatchObject({ kind: 'directory', resumed: true, fileCount: 3 })
    expect(store.order.slice(0, 4)).toEqual([0, 1, 2, 3])
    expect(seen('completeUploadSession')[0]?.body).toEqual({ whole_checksum_sha256: sha256(store.whole()) })
  })

  test('one that is complete says so', async () => {
    const store = uploads({ status: 'completed' })
    for (const [number, part] of ['0123', '4567', '89'].entries()) store.parts.set(number, Buffer.from(part))
    expect(await files.resumeUpload('upl_1', at('gone'))).toMatchObject({ resumed: true, bytesUploaded: 10, fileCount: 7 })
    expect(store.order).toEqual([])
  })

  test.each<[string, string]>([
    ['another length', '012345678'],
    ['other contents', '0123456780'],
  ])('of a source with %s', async (_, content) => {
    uploads({ whole_checksum_sha256: sha256('0123456789') })
    await writeFile(at('a'), content)
    await expect(files.resumeUpload('upl_1', at('a'))).rejects.toMatchObject({ reason: 'whole_checksum_mismatch', uploadId: 'upl_1' })
    expect(seen('uploadSessionPart')).toHaveLength(0)
  })

  test('a mixture is noticed by the daemon', async () => {
    const store = uploads()
    store.parts.set(0, Buffer.from('XXXX'))
    await writeFile(at('a'), '0123456789')
    await expect(files.resumeUpload('upl_1', at('a'))).rejects.toMatchObject({ reason: 'whole_checksum_mismatch' })
    expect(store.published).toBe(false)
  })

  test('one that is over, and one that there is not', async () => {
    uploads({ status: 'expired' })
    await writeFile(at('a'), '0123456789')
    await expect(files.resumeUpload('upl_1', at('a'))).rejects.toMatchObject({ reason: 'upload_expired' })
    daemon.on({
      getUploadSession() {
        throw new AppError('upload_not_found', { say: 'no' })
      },
    })
    await expect(files.resumeUpload('upl_2', at('a'))).rejects.toMatchObject({ name: 'NotFoundError', code: 'upload_not_found' })
  })
})

test.each<[string, () => Promise<unknown>]>([
  ['nothing at the path', () => files.upload(at('none'), '/w/a')],
  ['no name for a stream', () => files.upload(once('a'), '/w/')],
  ['no destination', () => files.upload(Buffer.from('a'), '')],
  ['a check that needs parts, without parts', () => files.upload(Buffer.from('a'), '/w/a', { resumable: false, checksum: 'sha256' })],
])('makes no sense: %s', async (_, call) => {
  await expect(call()).rejects.toMatchObject({ code: 'invalid_request' })
  expect(daemon.seen).toHaveLength(1)
})
