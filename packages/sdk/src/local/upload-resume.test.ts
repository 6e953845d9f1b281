import { mkdir, writeFile } from 'node:fs/promises'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP } from '../../test/fake-daemon.ts'
import { sha256, uploadWorld, type UploadWorld } from '../../test/upload-world.ts'
import type { UploadProgress, FileUploadError } from '../index.ts'

let world: UploadWorld
let daemon: UploadWorld['daemon']
let files: UploadWorld['files']
let at: UploadWorld['at']
let seen: UploadWorld['seen']
let uploads: UploadWorld['uploads']
beforeEach(async () => {
  world = await uploadWorld()
  ;({ daemon, files, at, seen, uploads } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
