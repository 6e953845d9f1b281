// Snapshots and forks as requests: what is refused and why, one result per key, and what a machine that is made from a
// snapshot has of it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { counting } from './ground.ts'
import { createWorld, type Answer, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const take = async (id: string): Promise<string> => (await world.call('POST', `/v1/machines/${id}/snapshots`)).body.id
const create = (body: Record<string, unknown>): Promise<Answer> => world.call('POST', '/v1/machines', { body })

describe('from a snapshot', () => {
  test.each([
    ['template', 'base'],
    ['vcpus', 1],
    ['memory_mb', 256],
    ['disk_mb', 4096],
    ['cwd', '/tmp'],
    ['envs', {}],
    ['internet_access', true],
  ])('%s is the snapshot’s, and cannot be asked for', async (field, value) => {
    const snapshot = await take(await counting(world))
    expect((await create({ snapshot_id: snapshot, [field]: value })).body).toMatchObject({
      code: 'invalid_request',
      error: expect.stringContaining(field),
      details: { field },
    })
    expect((await create({ snapshot_id: snapshot, [field]: null })).status).toBe(
      ['template', 'vcpus', 'memory_mb', 'internet_access'].includes(field) ? 400 : 201,
    )
  })

  test('metadata is the snapshot’s unless some is named; time is the request’s', async () => {
    const { id } = await world.machine({ metadata: { a: 1 }, envs: { A: 'b' }, cwd: '/tmp', timeout_ms: 60_000 })
    const snapshot_id = await take(id)
    for (const [metadata, kept] of [
      [undefined, { a: 1 }],
      [null, { a: 1 }],
      [{}, { a: 1 }],
      [{ b: 2 }, { b: 2 }],
    ]) {
      const { body } = await create({ snapshot_id, metadata, timeout_ms: 90_000, timeout_action: 'hibernate', auto_resume: true })
      expect(body).toMatchObject({ metadata: kept, timeout_ms: 90_000, auto_resume: true, cwd: '/tmp', source_snapshot_id: snapshot_id })
      const { stdout } = (await world.call('POST', `/v1/machines/${body.id}/exec`, { body: { command: 'echo $A', shell: true } })).body
      expect(stdout).toBe('b\n')
    }
  })

  test('what a paused machine resumes from is no place to make others from, nor to be deleted', async () => {
    const id = await counting(world)
    const { body: saved } = await world.call('POST', `/v1/machines/${id}/hibernate`)
    expect((await create({ snapshot_id: saved.id })).body).toMatchObject({ code: 'invalid_request', details: { machine_id: id } })
    expect((await world.call('DELETE', `/v1/snapshots/${saved.id}`)).body.code).toBe('snapshot_in_use')
  })

  test('it cannot be deleted while it is restored, and two deletes are one', async () => {
    const snapshot_id = await take(await counting(world))
    const gate = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    world.hostFaults.cloneDisk = () => {
      arrived.resolve()
      return gate.promise
    }
    const making = create({ snapshot_id })
    await arrived.promise
    const remove = () => world.call('DELETE', `/v1/snapshots/${snapshot_id}`)
    expect((await remove()).body.code).toBe('snapshot_in_use')
    gate.resolve()
    expect((await making).status).toBe(201)
    const answers = (await Promise.all([remove(), remove(), remove()])).map(({ status }) => status)
    expect(answers.filter((status) => status === 204)).toHaveLength(1)
    expect(answers.filter((status) => status === 404 || status === 409)).toHaveLength(2)
    expect((await create({ snapshot_id })).body.code).toBe('snapshot_not_found')
  })

  test('a delete and creates at once: each create works or is refused, and nothing hangs', async () => {
    const source = await counting(world)
    for (let round = 0; round < 4; round++) {
      const snapshot_id = await take(source)
      const [gone, ...made] = await Promise.all([
        world.call('DELETE', `/v1/snapshots/${snapshot_id}`),
        ...Array.from({ length: 3 }, () => create({ snapshot_id })),
      ])
      expect([204, 409]).toContain(gone?.status)
      for (const { status, body } of made) {
        if (status === 201) expect(await world.count(body.id)).toBe(2)
        else expect(['snapshot_not_found', 'rebuild_required']).toContain(body.code)
      }
    }
  })
})

test.each([0, 65, 1.5, -1, '2', null])('a fork of %s is refused', async (count) => {
  const id = await counting(world)
  expect((await world.call('POST', `/v1/machines/${id}/forks`, { body: { count } })).body).toMatchObject({
    code: 'invalid_request',
    error: expect.stringContaining('count'),
  })
})

describe('under one key', () => {
  const verbs = [
    ['a create', (headers: Record<string, string>) => world.call('POST', '/v1/machines', { body: {}, headers })],
    ['a snapshot', (headers: Record<string, string>, id: string) => world.call('POST', `/v1/machines/${id}/snapshots`, { headers })],
    ['a fork', (headers: Record<string, string>, id: string) => world.call('POST', `/v1/machines/${id}/fork`, { headers })],
    [
      'forks',
      (headers: Record<string, string>, id: string) => world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 3 }, headers }),
    ],
  ] as const

  test.each(verbs)('%s is done once, by all who come at once, later, and after a kill', async (_what, run) => {
    const id = await counting(world)
    const headers = { 'idempotency-key': 'the-key' }
    const answers = await Promise.all([1, 2, 3, 4].map(() => run(headers, id)))
    answers.push(await run(headers, id))
    await world.restart()
    answers.push(await run(headers, id))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 201))
    const ids = answers.map(({ body }) => JSON.stringify(body.id ?? body.items.map((child: { id: string }) => child.id)))
    expect(new Set(ids).size).toBe(1)
  })

  test('another request is a conflict: also another count, another machine, another route', async () => {
    const [id, other] = [await counting(world), await counting(world)]
    const headers = { 'idempotency-key': 'the-key' }
    const forks = (machine: string, count: number) => world.call('POST', `/v1/machines/${machine}/forks`, { body: { count }, headers })
    expect((await forks(id, 2)).status).toBe(201)
    for (const answer of [
      await forks(id, 3),
      await forks(other, 2),
      await world.call('POST', `/v1/machines/${id}/snapshots`, { headers }),
      await world.call('POST', '/v1/machines', { body: {}, headers }),
    ]) {
      expect(answer.body.code).toBe('idempotency_conflict')
    }
  })

  test('one that was undone is as good as new', async () => {
    const id = await counting(world)
    const headers = { 'idempotency-key': 'the-key' }
    const fork = () => world.call('POST', `/v1/machines/${id}/fork`, { headers })
    world.hostFaults.startVm = () => Promise.reject(new Error('EIO'))
    const failed = await Promise.all([fork(), fork()])
    expect(failed.map(({ status }) => status)).toEqual([503, 503])
    delete world.hostFaults.startVm
    expect((await fork()).status).toBe(201)
  })

  test('a snapshot that was deleted, or a child that was destroyed, is not made again', async () => {
    const id = await counting(world)
    const post = (path: string, key: string) => world.call('POST', `/v1/machines/${id}/${path}`, { headers: { 'idempotency-key': key } })
    const [snapshot, child] = [await post('snapshots', 'a'), await post('fork', 'b')]
    await world.call('DELETE', `/v1/snapshots/${snapshot.body.id}`)
    await world.call('DELETE', `/v1/machines/${child.body.id}`)
    expect((await post('snapshots', 'a')).body.code).toBe('snapshot_not_found')
    expect((await post('fork', 'b')).body.code).toBe('machine_not_found')
  })
})
