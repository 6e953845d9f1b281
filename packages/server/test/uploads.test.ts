// Uploads that survive a cut: how one is begun, what there is room for, and one of them from begin to end.

import { randomBytes } from 'node:crypto'
import { UPLOAD_LIMITS } from '@nullspace/contract/uploads.ts'
import { describe, expect, test } from 'vitest'
import { FILE, GIB, PART, reason, sha, useUploads } from './uploads-ground.ts'

const here = useUploads()
const { create, created, put, get, abort, complete, sent, restart, path } = here

describe('a session', () => {
  test('says how it wants its parts, and nothing else than the published client knows', async () => {
    const session = await created(2 * PART + 1, { user: 'root', whole_checksum_sha256: 'A'.repeat(64) })
    const now = new Date(here.world.clock.now()).toISOString()
    expect(session).toEqual({
      upload_id: expect.stringMatching(/^upload_[a-z2-7]{20}$/),
      kind: 'file',
      source_kind: 'restartable_file',
      target_path: '/workspace/big.bin',
      content_length: 2 * PART + 1,
      accepted_bytes: 0,
      reserved_staging_bytes: 2 * PART + 1,
      part_size: PART,
      part_count: 3,
      max_concurrency: 4,
      status: 'created',
      conflict: 'replace',
      checksum_algorithm: 'sha256',
      limits: { max_upload_bytes: 8 * GIB, max_part_bytes: PART, max_concurrency: 4, machine_staging_quota_bytes: 16 * GIB },
      created_at: now,
      updated_at: now,
      expires_at: new Date(here.world.clock.now() + UPLOAD_LIMITS.expiresMs).toISOString(),
      user: 'root',
      next_part: 0,
      whole_checksum_sha256: 'a'.repeat(64),
    })
    expect(await get(session.upload_id)).toEqual(session)
    const tar = await created(100, { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar' })
    expect(tar).toMatchObject({ part_size: 100, part_count: 1, archive_format: 'tar' })
    expect(Object.keys(tar)).not.toEqual(expect.arrayContaining(['user']))
    expect(await created(PART)).toMatchObject({ part_size: PART, part_count: 1 })
  })

  test.each([
    ['a target that is reserved', { target_path: '/workspace/x/../.nullspace/y' }, 'target_path'],
    ['NUL in its target', { target_path: '/a\0b' }, 'target_path'],
    ['less than nothing', { content_length: -1 }, 'content_length'],
    ['a part of a byte', { content_length: 1.5 }, 'content_length'],
    ['another checksum', { checksum_algorithm: 'md5' }, 'checksum_algorithm'],
    ['no checksum', { whole_checksum_sha256: 'x' }, 'whole_checksum_sha256'],
    ['an archive that is a file', { archive_format: 'tar' }, 'archive_format'],
    ['what nobody knows', { part_size: 5 }, 'part_size'],
  ])('is refused with %s', async (_what, more, field) => {
    expect(await create(1, more)).toMatchObject({ status: 400, body: { code: 'invalid_request', details: { field } } })
  })

  test('is its owner’s, and its machine’s', async () => {
    const id = await sent(randomBytes(10))
    const { key } = await here.world.otherOwner()
    const others = (await here.world.call('POST', '/v1/machines', { body: {}, key })).body.id
    const mine = (await here.world.machine()).id
    const requests = (of: string) =>
      [
        ['GET', `/v1/machines/${of}/uploads/${id}`],
        ['DELETE', `/v1/machines/${of}/uploads/${id}`],
        ['POST', `/v1/machines/${of}/uploads/${id}/complete`],
        ['PUT', `/v1/machines/${of}/uploads/${id}/parts/0`],
      ] as const
    for (const [of, by, code] of [
      [here.machine, key, 'machine_not_found'],
      [others, key, 'upload_not_found'],
      [mine, here.world.key.key, 'upload_not_found'],
    ] as const) {
      for (const [method, url] of requests(of)) {
        const answer = await here.world.call(method, url, { key: by, ...(method === 'POST' ? { body: {} } : {}) })
        expect([method, answer.status, answer.body.code]).toEqual([method, 404, code])
      }
    }
    expect((await here.world.call('POST', path(), { body: { ...FILE, content_length: 1 }, key })).body.code).toBe('machine_not_found')
    expect((await get(id)).status).toBe('staged')
  })

  test('of one key is one, whoever comes first, and not for another request', async () => {
    const key = { 'idempotency-key': 'once' }
    const all = await Promise.all([create(5, {}, key), create(5, {}, key), create(5, {}, key)])
    all.push(await create(5, {}, key))
    await restart()
    all.push(await create(5, {}, key))
    expect(new Set(all.map(({ body }) => body.session.upload_id)).size).toBe(1)
    expect((await create(6, {}, key)).body.code).toBe('idempotency_conflict')
    expect((await complete(all[0]?.body.session.upload_id, null, 'once')).body.code).toBe('idempotency_conflict')
  })
})

describe('what a machine and a host have room for', () => {
  const full = { status: 409, body: { code: 'file_upload_error', error_detail: { upload_id: expect.stringMatching(/^upload_/) } } }

  test('an upload may be so large', async () => {
    here.world.room.freeDiskMb = 1024 * 1024
    expect(await create(8 * GIB + 1)).toMatchObject(full)
    expect(reason(await create(8 * GIB + 1))).toBe('size_limit_exceeded')
    expect((await create(8 * GIB)).status).toBe(200)
  })

  test('what is promised to others counts, until they are over', async () => {
    here.world.room.freeDiskMb = 1024 * 1024
    const [one] = [await created(8 * GIB), await created(8 * GIB)]
    const refused = await create(1)
    expect(refused).toMatchObject(full)
    expect([reason(refused), refused.body.error_detail.retryable]).toEqual(['insufficient_staging_space', true])
    expect((await create(0)).status).toBe(200)
    expect((await abort(one.upload_id)).status).toBe(204)
    expect((await create(1)).status).toBe(200)
    expect((await get(one.upload_id)).reserved_staging_bytes).toBe(0)
  })

  test('the host keeps some of its disk, and what is still to come is promised', async () => {
    const other = (await here.world.machine()).id
    here.world.room.freeDiskMb = 1024 + 10
    const bytes = randomBytes(6 * 1024 * 1024)
    const { upload_id: id } = await created(bytes.length)
    const elsewhere = (length: number) =>
      here.world.call('POST', `/v1/machines/${other}/uploads`, { body: { ...FILE, content_length: length } })
    expect(reason(await elsewhere(4 * 1024 * 1024 + 1))).toBe('insufficient_staging_space')
    expect((await put(id, 0, bytes)).status).toBe(200)
    // What is there is not free any more.
    here.world.room.freeDiskMb = 1024 + 4
    expect(reason(await elsewhere(4 * 1024 * 1024 + 1))).toBe('insufficient_staging_space')
    expect((await elsewhere(4 * 1024 * 1024)).status).toBe(200)
  })

  test('two at once do not both get the last of it', async () => {
    here.world.room.freeDiskMb = 1024 + 10
    const answers = await Promise.all([create(7 * 1024 * 1024), create(7 * 1024 * 1024)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })

  test('a disk that is full says so, and the part can be sent again', async () => {
    const { upload_id: id } = await created(3)
    here.world.hostFaults.keep = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    const refused = await put(id, 0, Buffer.from('abc'))
    expect(refused.body.error_detail).toMatchObject({ reason: 'insufficient_staging_space', retryable: true, upload_id: id })
    delete here.world.hostFaults.keep
    expect((await put(id, 0, Buffer.from('abc'))).body.status).toBe('staged')
  })
})
test('the whole way, with the guest’s own files', async () => {
  // Without what the test holds.
  await here.world.restart()
  const read = async (target: string, more = ''): Promise<Buffer> => {
    const url = `/v1/machines/${here.machine}/file?path=${encodeURIComponent(target)}${more}`
    const answer = await here.world.daemon.http.inject({ method: 'GET', url, headers: { authorization: `Bearer ${here.world.key.key}` } })
    expect(answer.statusCode).toBe(200)
    return answer.rawPayload
  }
  const bytes = randomBytes(PART + 1)
  const id = await sent(bytes, { target_path: '/workspace/tree/big.bin' })
  expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length, published_file_count: 1 })
  expect((await read('/workspace/tree/big.bin')).equals(bytes)).toBe(true)
  expect(reason(await complete(await sent(bytes, { target_path: '/workspace/tree/big.bin', conflict: 'error' })))).toBe('target_conflict')
  const tar = await read('/workspace/tree', '&archive=tar')
  const tree = { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar', target_path: '/workspace/copy' }
  const published = { status: 200, body: { published_bytes: bytes.length, published_file_count: 1 } }
  expect(await complete(await sent(tar, { ...tree, conflict: 'error' }), sha(tar))).toMatchObject(published)
  expect((await read('/workspace/copy/big.bin')).equals(bytes)).toBe(true)
  expect(reason(await complete(await sent(tar, { ...tree, conflict: 'error' })))).toBe('target_conflict')
  expect(await complete(await sent(tar, { ...tree, conflict: 'merge' }))).toMatchObject(published)
})
