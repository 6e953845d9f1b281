import { readdir, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { UploadSession } from '@nullspace/contract/uploads.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, raw } from '../../test/fake-daemon.ts'
import { refuse, sha256, uploadWorld, type UploadWorld } from '../../test/upload-world.ts'
import { FileUploadError, type UploadProgress } from '../index.ts'

let world: UploadWorld
let daemon: UploadWorld['daemon']
let files: UploadWorld['files']
let waits: UploadWorld['waits']
let at: UploadWorld['at']
let seen: UploadWorld['seen']
let uploads: UploadWorld['uploads']
beforeEach(async () => {
  world = await uploadWorld()
  ;({ daemon, files, waits, at, seen, uploads } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
