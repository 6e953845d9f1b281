import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, readAll } from '../../test/fake-daemon.ts'
import { once, uploadWorld, type UploadWorld } from '../../test/upload-world.ts'
import type { UploadProgress } from '../index.ts'

let world: UploadWorld
let daemon: UploadWorld['daemon']
let files: UploadWorld['files']
let at: UploadWorld['at']
beforeEach(async () => {
  world = await uploadWorld()
  ;({ daemon, files, at } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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

test.each<[string, () => Promise<unknown>]>([
  ['nothing at the path', () => files.upload(at('none'), '/w/a')],
  ['no name for a stream', () => files.upload(once('a'), '/w/')],
  ['no destination', () => files.upload(Buffer.from('a'), '')],
  ['a check that needs parts, without parts', () => files.upload(Buffer.from('a'), '/w/a', { resumable: false, checksum: 'sha256' })],
])('makes no sense: %s', async (_, call) => {
  await expect(call()).rejects.toMatchObject({ code: 'invalid_request' })
  expect(daemon.seen).toHaveLength(1)
})
