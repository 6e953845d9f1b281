// The parts of an upload: in whatever order, size and number they come.

import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import fc from 'fast-check'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { authenticate } from '../src/app/keys.ts'
import { uploadPart } from '../src/app/uploads-parts.ts'
import { each, PART, reason, sha, useUploads } from './uploads-ground.ts'

const here = useUploads()
const { created, put, get, complete, inPartsOf, staged, path } = here

describe('parts', () => {
  test('come in any order, again, and are all there in the end', async () => {
    const bytes = randomBytes(2 * PART + 5)
    const { upload_id: id } = await created(bytes.length)
    const cut = (part: number): Buffer => bytes.subarray(part * PART, (part + 1) * PART)
    expect((await put(id, 2, cut(2))).body).toMatchObject({ status: 'uploading', next_part: 0, accepted_bytes: 5 })
    expect((await put(id, 0, cut(0))).body).toMatchObject({ next_part: 1, accepted_bytes: PART + 5 })
    expect((await put(id, 0, randomBytes(PART))).body.accepted_bytes).toBe(PART + 5)
    const last = (await put(id, 1, cut(1), { 'x-nullspace-part-sha256': sha(cut(1)).toUpperCase() })).body
    expect(last.status).toBe('staged')
    expect(Object.keys(last)).not.toContain('next_part')
    // One of them was another's: the whole tells.
    expect(reason(await complete(id, sha(bytes)))).toBe('whole_checksum_mismatch')
    expect(here.held.contents.size).toBe(0)
    await put(id, 0, cut(0))
    const files = await readdir(join(here.world.places.pool, 'uploads', id))
    expect(files.map((name) => name.split('-')[0]).toSorted()).toEqual(['0', '1', '2'])
    for (const name of [id, ...files.map((file) => join(id, file))]) {
      expect((await stat(join(here.world.places.pool, 'uploads', name))).mode & 0o077).toBe(0)
    }
    expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length, published_file_count: 1 })
    expect(here.held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
  })

  test('that are not what they should be are refused, and nothing of them stays', async () => {
    const { upload_id: id } = await created(PART + 3)
    const refused = async (part: number, bytes: Uint8Array, headers?: Record<string, string>) => {
      const { status, body } = await put(id, part, bytes, headers)
      expect(body.error_detail).toMatchObject({ upload_id: id, part_number: part, message: body.error })
      return [status, body.code, body.error_detail.reason, body.error_detail.retryable]
    }
    const good = Buffer.from('abc')
    expect(await refused(2, good)).toEqual([409, 'file_upload_error', 'part_out_of_range', false])
    expect(await refused(1, Buffer.from('abcd'))).toEqual([409, 'file_upload_error', 'part_size_mismatch', false])
    expect(await refused(0, good)).toEqual([409, 'file_upload_error', 'part_size_mismatch', false])
    expect(await refused(1, good, { 'x-nullspace-part-sha256': sha(Buffer.from('abd')) })).toEqual([
      409,
      'file_upload_error',
      'invalid_part_checksum',
      true,
    ])
    expect((await put(id, 1, good, { 'x-nullspace-part-sha256': 'short' })).body.code).toBe('invalid_request')
    for (const part of ['-1', '1.5', 'x']) expect((await put(id, part, good)).body.code).toBe('invalid_request')
    expect((await get(id)).accepted_bytes).toBe(0)
    expect(await readdir(join(here.world.places.pool, 'uploads', id))).toEqual([])
  })

  test('without a length are measured as they come', async () => {
    const { upload_id: id } = await created(4)
    const principal = await authenticate(here.world.daemon.app, `Bearer ${here.world.key.key}`)
    const send = (...chunks: string[]) =>
      uploadPart(here.world.daemon.app, principal, here.machine, id, {
        number: 0,
        sha256: undefined,
        body: { bytes: each(chunks.map((chunk) => Buffer.from(chunk))), length: undefined },
      })
    for (const chunks of [['abc'], ['ab', 'cde'], []]) {
      await expect(send(...chunks)).rejects.toMatchObject({ upload: { reason: 'part_size_mismatch' } })
    }
    expect((await send('ab', '', 'cd')).status).toBe('staged')
  })

  test('that are cut off leave nothing, and can be sent again', async () => {
    const { upload_id: id } = await created(10)
    const url = await here.world.listen()
    const cut = request(`${url}${path(`/${id}/parts/0`)}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${here.world.key.key}`, 'content-length': 10 },
    })
    cut.on('error', () => {})
    cut.write('abc')
    const dir = join(here.world.places.pool, 'uploads', id)
    const files = (): Promise<string[]> => readdir(dir).catch(() => [])
    await until(files, (names) => names.length === 1)
    cut.destroy()
    await until(files, (names) => names.length === 0)
    expect((await put(id, 0, randomBytes(10))).body.status).toBe('staged')
  })

  test('come four at a time; others wait, and one that is sent twice at once is one', async () => {
    const id = await inPartsOf(2, 12)
    const principal = await authenticate(here.world.daemon.app, `Bearer ${here.world.key.key}`)
    let [begun, inside, most] = [0, 0, 0]
    const go = Promise.withResolvers<void>()
    async function* slowly(text: string): AsyncGenerator<Uint8Array> {
      begun++
      most = Math.max(most, ++inside)
      await go.promise
      yield Buffer.from(text)
      inside--
    }
    const parts = [0, 1, 2, 3, 4, 5, 5, 5].map((number) =>
      uploadPart(here.world.daemon.app, principal, here.machine, id, {
        number,
        sha256: undefined,
        body: { bytes: slowly(`${number}.`), length: 2 },
      }),
    )
    await until(
      () => begun,
      (count) => count === 4,
    )
    // A look at the disk takes longer than a fifth would have.
    await readdir(join(here.world.places.pool, 'uploads', id))
    expect(begun).toBe(4)
    go.resolve()
    await Promise.all(parts)
    // Never more, however late a fifth would have come.
    expect([begun, inside, most]).toEqual([8, 0, 4])
    expect((await readdir(join(here.world.places.pool, 'uploads', id))).length).toBe(6)
    await complete(id)
    expect(String(here.held.contents.get('/workspace/big.bin'))).toBe('0.1.2.3.4.5.')
  })

  test('of nothing: an empty one, or none', async () => {
    for (const empty of [true, false]) {
      const session = await created(0, { target_path: `/workspace/empty-${empty}` })
      expect(session).toMatchObject({ part_size: 1, part_count: 0, status: 'staged' })
      const { upload_id: id } = session
      if (empty) expect((await put(id, 0, Buffer.alloc(0), { 'x-nullspace-part-sha256': sha(Buffer.alloc(0)) })).status).toBe(200)
      expect(reason(await put(id, 1, Buffer.alloc(0)))).toBe('part_out_of_range')
      expect((await complete(id, sha(Buffer.alloc(0)))).body).toMatchObject({ published_bytes: 0, published_file_count: 1 })
      expect(here.held.contents.get(`/workspace/empty-${empty}`)?.length).toBe(0)
    }
  })

  test('whatever their sizes and their order, the whole is what was sent', async () => {
    const run = fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 25 }),
      fc.array(fc.nat(80), { maxLength: 12 }),
      async (bytes, size, order) => {
        const id = await inPartsOf(size, bytes.length, { target_path: '/workspace/any' })
        const count = Math.ceil(bytes.length / size)
        const cut = (part: number): Uint8Array => bytes.subarray(part * size, (part + 1) * size)
        // Some of them, some twice, some at once; then a resume as the published client does it.
        await Promise.all(order.filter((part) => part < count).map((part) => put(id, part, cut(part))))
        const { next_part = count, accepted_bytes } = await get(id)
        const have = new Set(order.filter((part) => part < count))
        expect(accepted_bytes).toBe([...have].reduce((sum, part) => sum + cut(part).length, 0))
        expect(have.has(next_part)).toBe(false)
        if (next_part < count) expect(reason(await complete(id))).toBe('missing_parts')
        for (let part = next_part; part < count; part++) expect((await put(id, part, cut(part))).status).toBe(200)
        expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length })
        expect(here.held.contents.get('/workspace/any')?.equals(bytes)).toBe(true)
      },
    )
    await fc.assert(run, { numRuns: 25 })
    expect(await staged()).toEqual([])
  })
})
test('sending parts keeps the machine from being idle', async () => {
  here.machine = (await here.world.machine({ inactivity_timeout_ms: 60_000, timeout_ms: 3_600_000 })).id
  const { upload_id: id } = await created(3)
  here.world.clock.step(59_000)
  await put(id, 0, Buffer.from('abc'))
  expect(here.world.daemon.app.activity.lastAt(here.machine)).toBe(here.world.clock.now())
})
