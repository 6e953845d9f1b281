// Uploads of a daemon that dies: what was acknowledged is kept, and what was begun can be ended.

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { never, reason, sha, useUploads } from './uploads-ground.ts'

const here = useUploads()
const { put, get, abort, complete, sent, inPartsOf, staged, restart } = here

describe('a daemon that dies', () => {
  test('keeps every part that it acknowledged, and a resume sends the rest', async () => {
    const bytes = randomBytes(30)
    const id = await inPartsOf(10, bytes.length)
    await put(id, 0, bytes.subarray(0, 10))
    await put(id, 2, bytes.subarray(20))
    const before = await get(id)
    // One is on the disk, and was not acknowledged.
    const dir = join(here.world.places.pool, 'uploads', id)
    await writeFile(join(dir, '1-0000000000000000'), 'x')
    await restart()
    expect(await get(id)).toEqual(before)
    expect(before).toMatchObject({ status: 'uploading', next_part: 1, accepted_bytes: 20 })
    await put(id, 1, bytes.subarray(10, 20))
    expect((await complete(id, sha(bytes))).status).toBe(200)
    expect(here.held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
    expect(await staged()).toEqual([])
  })

  test.each([
    ['before the file is in place', 'before', 'replace'],
    ['after it, and before anybody knew', 'after', 'replace'],
    ['before the file is in place, where none may be', 'before', 'error'],
    ['after it, where none may be', 'after', 'error'],
  ] as const)('while one is completed, %s: the same request completes it', async (_what, when, conflict) => {
    const bytes = randomBytes(100)
    const id = await sent(bytes, { conflict })
    const reached = Promise.withResolvers<void>()
    here.held[when] = () => {
      reached.resolve()
      return never()
    }
    void complete(id, sha(bytes), 'the-end')
    await reached.promise
    expect((await get(id)).status).toBe('completing')
    await restart()
    here.held.before = here.held.after = async () => {}
    expect(await get(id)).toMatchObject({ status: 'staged', accepted_bytes: 100 })
    const { status, body } = await complete(id, sha(bytes), 'the-end')
    expect([status, body.published_bytes, body.published_file_count, body.session.status]).toEqual([200, 100, 1, 'completed'])
    expect(here.held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
  })

  test('another file that came into the way meanwhile is not taken for it', async () => {
    const id = await sent(Buffer.from('mine'), { conflict: 'error' })
    const reached = Promise.withResolvers<void>()
    here.held.before = () => {
      reached.resolve()
      return never()
    }
    void complete(id)
    await reached.promise
    await restart()
    here.held.contents.set('/workspace/big.bin', Buffer.from('his.'))
    expect(reason(await complete(id))).toBe('target_conflict')
  })

  test('what it left of those that are over is a leftover', async () => {
    const [kept, over] = [await sent(Buffer.from('abc')), await sent(Buffer.from('abc'))]
    here.world.hostFaults.drop = never
    void abort(over)
    await until(
      () => get(over),
      ({ status }) => status === 'aborted',
    )
    await writeFile(join(here.world.places.pool, 'uploads', 'nobodys'), 'x'.repeat(5000))
    const { key } = await here.world.operator()
    const { body } = await here.world.call('POST', '/v1/host/gc', { body: { dry_run: true }, key })
    const found = body.items.map(({ kind, name, bytes }: { kind: string; name: string; bytes: number }) => [kind, name, bytes > 0])
    expect(found.toSorted()).toEqual([
      ['upload', 'nobodys', true],
      ['upload', over, true],
    ])
    delete here.world.hostFaults.drop
    await restart()
    expect(await staged()).toEqual([kept])
  })
})
