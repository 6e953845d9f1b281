// Uploads that nobody ends: they are aborted, expire, or go with their machine.

import { until } from '@nullspace/vmm/exam/until.ts'
import { UPLOAD_LIMITS } from '@nullspace/contract/uploads.ts'
import { describe, expect, test } from 'vitest'
import { authenticate } from '../src/app/keys.ts'
import { uploadPart } from '../src/app/uploads-parts.ts'
import { FILE, reason, useUploads } from './uploads-ground.ts'

const here = useUploads()
const { created, put, get, abort, complete, sent, staged, restart, look, path } = here

describe('uploads that are given up', () => {
  test('are aborted, and nothing of them stays', async () => {
    const id = await sent(Buffer.from('abc'))
    expect(await staged()).toEqual([id])
    expect((await abort(id)).status).toBe(204)
    expect((await abort(id)).status).toBe(204)
    expect(await staged()).toEqual([])
    for (const answer of [await put(id, 0, Buffer.from('abc')), await complete(id)]) {
      expect(answer.body.error_detail).toMatchObject({ reason: 'upload_aborted', retryable: false, upload_id: id })
    }
    expect(await get(id)).toMatchObject({ status: 'aborted', accepted_bytes: 0, reserved_staging_bytes: 0 })
    expect((await abort('upload_aaaaaaaaaaaaaaaaaaaa')).body.code).toBe('upload_not_found')
  })

  test.each([
    ['aborted', (id: string) => abort(id), 'upload_aborted'],
    ['gone with its machine', () => here.world.call('DELETE', `/v1/machines/${here.machine}`).then(look), 'upload_not_found'],
  ] as const)('are %s while a part comes: it is refused, and leaves nothing', async (_how, end, why) => {
    const { upload_id: id } = await created(4)
    const principal = await authenticate(here.world.daemon.app, `Bearer ${here.world.key.key}`)
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('ab')
      begun.resolve()
      await go.promise
      yield Buffer.from('cd')
    }
    const body = { bytes: slowly(), length: 4 }
    const part = uploadPart(here.world.daemon.app, principal, here.machine, id, { number: 0, sha256: undefined, body }).catch(
      (error: unknown) => error,
    )
    await begun.promise
    await end(id)
    go.resolve()
    const error = (await part) as { code: string; upload?: { reason: string } }
    expect(error.upload?.reason ?? error.code).toBe(why)
    expect(await staged()).toEqual([])
  })

  test('expire when nothing comes to them, and are forgotten', async () => {
    const [idle, busy, done] = [await sent(Buffer.from('abc')), await sent(Buffer.from('abc')), await sent(Buffer.from('abc'))]
    await complete(done)
    here.world.clock.step(UPLOAD_LIMITS.expiresMs - 1)
    await put(busy, 0, Buffer.from('abd'))
    await look()
    expect((await get(idle)).status).toBe('staged')
    here.world.clock.step(1)
    // Whether somebody has looked or not.
    expect((await get(idle)).status).toBe('expired')
    for (const answer of [await put(idle, 0, Buffer.from('abc')), await complete(idle)]) {
      expect(answer.body.error_detail).toMatchObject({ reason: 'upload_expired', retryable: false, upload_id: idle })
    }
    await look()
    expect(await get(idle)).toMatchObject({ status: 'expired', accepted_bytes: 0, reserved_staging_bytes: 0 })
    expect(await staged()).toEqual([busy])
    expect((await get(busy)).status).toBe('staged')
    expect(reason(await complete(done))).toBe('upload_not_found')
    here.world.clock.step(UPLOAD_LIMITS.expiresMs)
    await look()
    expect(reason(await complete(idle))).toBe('upload_not_found')
    expect(await staged()).toEqual([])
  })

  test('go with their machine', async () => {
    const kept = (await here.world.machine()).id
    const id = await sent(Buffer.from('abc'))
    const other = (await here.world.call('POST', `/v1/machines/${kept}/uploads`, { body: { ...FILE, content_length: 1 } })).body.session
    await here.world.call('DELETE', `/v1/machines/${here.machine}`)
    expect((await here.world.call('GET', path(`/${id}`))).body.code).toBe('machine_not_found')
    await look()
    expect(await staged()).toEqual([])
    const rows = await here.world.db.selectFrom('uploads').select('id').execute()
    expect(rows).toEqual([{ id: other.upload_id }])
    expect(await here.world.db.selectFrom('upload_parts').selectAll().execute()).toEqual([])
  })

  test('are looked after by the daemon itself', async () => {
    const id = await sent(Buffer.from('abc'))
    here.world.clock.step(UPLOAD_LIMITS.expiresMs)
    // At its start it looks at everything.
    await restart()
    await until(staged, (left) => left.length === 0)
    expect((await get(id)).status).toBe('expired')
  })
})
