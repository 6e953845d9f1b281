// The end of an upload: what is checked, what is put in place, and that it happens once.

import { randomBytes } from 'node:crypto'
import { UPLOAD_LIMITS, UploadSession } from '@nullspace/contract/uploads.ts'
import { describe, expect, test } from 'vitest'
import { reason, sha, useUploads } from './uploads-ground.ts'

const here = useUploads()
const { put, get, abort, complete, sent, inPartsOf, staged, restart, look } = here

describe('the end', () => {
  test('is checked: nothing is in place before all of it is right', async () => {
    const bytes = randomBytes(20)
    const id = await inPartsOf(10, 20, { whole_checksum_sha256: sha(bytes) })
    await put(id, 1, bytes.subarray(10))
    const missing = await complete(id)
    expect(missing.body.error_detail).toEqual({
      reason: 'missing_parts',
      message: expect.stringContaining('Part 0'),
      retryable: true,
      upload_id: id,
      part_number: 0,
    })
    await put(id, 0, randomBytes(10))
    // What was said at the begin binds as well.
    expect(reason(await complete(id))).toBe('whole_checksum_mismatch')
    expect(reason(await complete(id, sha(randomBytes(1))))).toBe('whole_checksum_mismatch')
    expect(here.held.asked).toEqual([])
    expect((await get(id)).status).toBe('staged')
    await put(id, 0, bytes.subarray(0, 10))
    expect((await complete(id)).status).toBe(200)
  })

  test('again is the same, under whatever key, also for another daemon', async () => {
    const bytes = randomBytes(20)
    const id = await sent(bytes)
    const answers = await Promise.all([complete(id, sha(bytes), 'k'), complete(id, sha(bytes), 'k'), complete(id, sha(bytes))])
    answers.push(await complete(id, sha(bytes), 'other'))
    await restart()
    answers.push(await complete(id, sha(bytes), 'k'), await complete(id))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(here.held.asked.length).toBe(1)
    expect(await staged()).toEqual([])
    const session = UploadSession.strict().parse(answers[0]?.body.session)
    expect(session).toMatchObject({ status: 'completed', accepted_bytes: 20, reserved_staging_bytes: 0, whole_checksum_sha256: sha(bytes) })
    expect(session.next_part).toBe(undefined)
    expect((await complete(id, sha(randomBytes(1)), 'k')).body.code).toBe('idempotency_conflict')
    expect(reason(await complete(id, sha(randomBytes(1))))).toBe('whole_checksum_mismatch')
    expect(reason(await put(id, 0, bytes))).toBe('upload_already_completed')
    expect(reason(await abort(id))).toBe('upload_already_completed')
  })

  test.each([
    ['exists', 409, 'target_conflict'],
    ['bad_archive_path', 409, 'directory_extract_invalid_path'],
    ['bad_archive_link', 409, 'directory_extract_invalid_symlink'],
    ['bad_archive_entry', 409, 'directory_extract_unsupported_entry'],
    ['reserved', 400, 'invalid_request'],
    ['not_found', 404, 'file_not_found'],
    ['permission_denied', 403, 'permission_denied'],
    ['no_space', 409, 'file_error'],
    ['is_directory', 409, 'file_error'],
  ] as const)('that the guest refuses with %s', async (refusal, status, why) => {
    const id = await sent(Buffer.from('tar'), { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar' })
    here.held.refuse = refusal
    const answer = await complete(id, null, 'k')
    expect([answer.status, reason(answer)]).toEqual([status, why])
    if (answer.body.code === 'file_upload_error')
      expect(answer.body.error_detail).toMatchObject({ retryable: false, upload_id: id, path: '/workspace/big.bin' })
    expect((await get(id)).status).toBe('staged')
    // It may be that nobody heard of it; so the same request hears the same, and another one is another try.
    here.held.refuse = null
    await restart()
    expect((await complete(id, null, 'k')).body).toEqual({ ...answer.body, request_id: expect.any(String) })
    expect((await complete(id, null, 'k2')).body).toMatchObject({ published_bytes: 3, published_file_count: 3 })
  })

  test('a part that is sent anew makes a failed request worth repeating', async () => {
    const id = await sent(Buffer.from('abd'))
    expect(reason(await complete(id, sha(Buffer.from('abc')), 'k'))).toBe('whole_checksum_mismatch')
    await put(id, 0, Buffer.from('abc'))
    expect((await complete(id, sha(Buffer.from('abc')), 'k')).status).toBe(200)
  })

  test('where none may be, a file that is there stays', async () => {
    here.held.contents.set('/workspace/big.bin', Buffer.from('old'))
    const id = await sent(Buffer.from('old'), { conflict: 'error' })
    for (let time = 0; time < 2; time++) expect(reason(await complete(id))).toBe('target_conflict')
    const over = await sent(Buffer.from('new'), { conflict: 'merge' })
    expect((await complete(over)).status).toBe(200)
    expect(String(here.held.contents.get('/workspace/big.bin'))).toBe('new')
  })

  test('begins where the user works, and keeps names that are no UTF-8', async () => {
    const name = 'a\udcff.bin'
    const [mine, theirs] = [
      await sent(Buffer.from('x'), { target_path: name }),
      await sent(Buffer.from('x'), { target_path: name, user: 'node' }),
    ]
    expect((await complete(mine)).body.session.target_path).toBe(name)
    await complete(theirs)
    expect(here.held.asked).toEqual([
      { user: '', base: '/workspace' },
      { user: 'node', base: '' },
    ])
    expect([...here.held.contents.keys()]).toEqual([name])
  })

  test('wakes a machine that is paused; parts do not', async () => {
    await here.world.call('POST', `/v1/machines/${here.machine}/hibernate`)
    const id = await sent(Buffer.from('abc'))
    const state = async () => (await here.world.call('GET', `/v1/machines/${here.machine}`)).body.status
    expect(await state()).toBe('paused')
    expect((await complete(id)).status).toBe(200)
    expect(await state()).toBe('running')
  })

  test('of a machine that cannot be woken is put off', async () => {
    here.machine = (await here.world.machine()).id
    const id = await sent(Buffer.from('abc'))
    await here.world.call('POST', `/v1/machines/${here.machine}/hibernate`)
    expect((await complete(id, null, 'k')).body.code).toBe('machine_not_ready')
    await here.world.call('POST', `/v1/machines/${here.machine}/resume`)
    expect((await complete(id, null, 'k')).status).toBe(200)
  })

  test('while it comes, nothing else changes the upload', async () => {
    const id = await sent(Buffer.from('abc'))
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    here.held.before = () => {
      reached.resolve()
      return go.promise
    }
    const first = complete(id)
    await reached.promise
    expect((await put(id, 0, Buffer.from('abd'))).body).toMatchObject({ code: 'transition_in_progress', retryable: true })
    expect((await abort(id)).body.code).toBe('transition_in_progress')
    here.world.clock.step(UPLOAD_LIMITS.expiresMs)
    await look()
    expect((await get(id)).status).toBe('completing')
    const second = complete(id)
    go.resolve()
    expect((await first).body).toEqual((await second).body)
    expect(here.held.asked.length).toBe(1)
  })
})
