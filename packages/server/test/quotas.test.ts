// What an owner may hold, and what the host can: refused before anything is begun, also when many ask at once.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { counting } from './ground.ts'
import { createWorld, type Answer, type World } from './world.ts'

let world: World
let operator: string
beforeEach(async () => {
  world = await createWorld()
  operator = (await world.operator()).key
})
afterEach(() => world[Symbol.asyncDispose]())

const limit = (quota: Record<string, number | null>, key = operator) => world.call('PATCH', '/v1/quotas/alice', { body: quota, key })
const used = async () => (await world.call('GET', '/v1/quotas/me')).body.used
const create = (body: Record<string, unknown> = {}): Promise<Answer> => world.call('POST', '/v1/machines', { body })
const on = (id: string, verb: string, body?: unknown) => world.call('POST', `/v1/machines/${id}/${verb}`, { body })
const codes = (answers: readonly Answer[]): string[] => answers.map(({ status, body }) => body?.code ?? `${status}`).toSorted()
const REFUSED = { status: 403, body: { code: 'quota_exceeded', retryable: false } }

describe('who sets it', () => {
  test('operators, for anyone; null takes a bound away, and what is left out stays', async () => {
    expect((await limit({ machines: 3, vcpus: 8 })).body).toMatchObject({
      owner: 'alice',
      limits: { machines: 3, vcpus: 8, disk_mb: null },
    })
    expect((await limit({ machines: null })).body.limits).toMatchObject({ machines: null, vcpus: 8 })
    expect((await world.call('GET', '/v1/quotas/me')).body.limits).toMatchObject({ machines: null, vcpus: 8 })
    expect((await world.call('GET', '/v1/quotas/alice', { key: operator })).body.owner).toBe('alice')
    await world.restart()
    expect((await world.call('GET', '/v1/quotas/me')).body.limits).toMatchObject({ machines: null, vcpus: 8 })
  })

  test('nobody else, and no nonsense', async () => {
    const { key: mallory } = await world.otherOwner()
    for (const key of [world.key.key, mallory]) expect((await limit({ machines: 100 }, key)).body.code).toBe('forbidden')
    expect((await world.call('GET', '/v1/quotas/alice', { key: mallory })).body.code).toBe('forbidden')
    expect((await world.call('GET', '/v1/quotas/nobody', { key: operator })).body.code).toBe('owner_not_found')
    for (const quota of [{ machines: -1 }, { machines: 1.5 }, { machines: '3' }, { cows: 3 }, []]) {
      expect((await limit(quota as Record<string, number>)).body.code).toBe('invalid_request')
    }
  })
})

describe('each kind', () => {
  test.each([
    [{ machines: 1 }, {}],
    [{ vcpus: 2 }, { vcpus: 2 }],
    [{ memory_mb: 500 }, {}],
    [{ disk_mb: 8000 }, {}],
  ])('%o', async (quota, size) => {
    await limit(quota)
    const { id } = await world.machine(size)
    expect(await create(size)).toMatchObject(REFUSED)
    expect(await on(id, 'fork')).toMatchObject(REFUSED)
    expect(await on(id, 'forks', { count: 2 })).toMatchObject(REFUSED)
    await world.call('DELETE', `/v1/machines/${id}`)
    expect((await create(size)).status).toBe(201)
  })

  test('snapshots: those that a pause makes are no matter of it', async () => {
    await limit({ snapshots: 1 })
    const id = await counting(world)
    const first = await on(id, 'snapshots')
    expect(first.status).toBe(201)
    expect(await on(id, 'snapshots')).toMatchObject(REFUSED)
    expect((await on(id, 'hibernate')).status).toBe(200)
    expect(await on(id, 'snapshots')).toMatchObject(REFUSED)
    await world.call('DELETE', `/v1/snapshots/${first.body.id}`)
    expect((await on(id, 'snapshots')).status).toBe(201)
  })

  test('a paused machine holds no vCPU and no memory, and takes them back at its resume or not at all', async () => {
    await limit({ vcpus: 1, memory_mb: 256, machines: 2 })
    const id = await counting(world)
    await on(id, 'hibernate')
    expect(await used()).toMatchObject({ machines: 1, vcpus: 0, memory_mb: 0, disk_mb: expect.any(Number) })
    const other = (await create()).body.id
    expect(await on(id, 'resume')).toMatchObject(REFUSED)
    expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
    await world.call('DELETE', `/v1/machines/${other}`)
    expect((await on(id, 'resume')).status).toBe(200)
    expect(await world.count(id)).toBe(2)
  })

  test('a bound below what is held takes nothing away', async () => {
    const id = await counting(world)
    await limit({ machines: 0, vcpus: 0, memory_mb: 0, disk_mb: 0 })
    expect(await world.count(id)).toBe(2)
    expect((await on(id, 'hibernate')).status).toBe(200)
    expect(await on(id, 'resume')).toMatchObject(REFUSED)
    expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  })
})

describe('at once', () => {
  test('ten creates with room for three', async () => {
    await limit({ machines: 3 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => create()))
    expect(codes(answers)).toEqual(['201', '201', '201', ...Array.from({ length: 7 }, () => 'quota_exceeded')])
    expect((await used()).machines).toBe(3)
  })

  test('forks of several machines, creates and resumes', async () => {
    const ids = [await counting(world), await counting(world), await counting(world)]
    await on(ids[2]!, 'hibernate') // just made
    await limit({ vcpus: 5 })
    const answers = await Promise.all([
      on(ids[0]!, 'forks', { count: 2 }), // just made
      on(ids[1]!, 'forks', { count: 2 }), // just made
      on(ids[2]!, 'resume'), // just made
      create(),
      create(),
    ])
    for (const { status } of answers) expect([200, 201, 403]).toContain(status)
    const { vcpus } = await used()
    expect(vcpus).toBeLessThanOrEqual(5)
    // Whatever was refused left room that the next can have.
    for (let room = 5 - vcpus; room > 0; room--) expect((await create()).status).toBe(201)
    expect(await create()).toMatchObject(REFUSED)
  })

  test('what failed gives back what it had taken', async () => {
    await limit({ machines: 4 })
    const id = await counting(world)
    world.hostFaults.startVm = () => Promise.reject(new Error('EIO'))
    expect((await on(id, 'forks', { count: 3 })).body.code).toBe('no_eligible_runtime_host')
    expect((await create()).body.code).toBe('no_eligible_runtime_host')
    delete world.hostFaults.startVm
    expect((await used()).machines).toBe(1)
    expect((await on(id, 'forks', { count: 3 })).status).toBe(201)
  })
})

describe('the host itself', () => {
  test('without memory nothing is started, and what runs goes on', async () => {
    const [id, asleep] = [await counting(world), await counting(world)]
    await on(asleep, 'hibernate')
    const before = await until(
      () => world.leftovers(),
      (left) => left.every((trace) => !trace.startsWith('journal')),
    )
    world.room.freeMemoryMb = 700
    const full = { status: 409, body: { code: 'capacity_exceeded', retryable: true, error: expect.stringContaining('MiB of memory') } }
    expect(await create()).toMatchObject(full)
    expect(await on(id, 'fork')).toMatchObject(full)
    expect(await on(asleep, 'resume')).toMatchObject(full)
    world.room.freeMemoryMb = 1_000
    expect(await on(id, 'forks', { count: 3 })).toMatchObject(full)
    expect(await world.leftovers()).toEqual(before)
    delete world.room.freeMemoryMb
    expect((await on(asleep, 'resume')).status).toBe(200)
    for (const machine of [id, asleep]) expect(await world.count(machine)).toBe(2)
  })

  test('without disk nothing is saved', async () => {
    const id = await counting(world)
    world.room.freeDiskMb = 1_200
    const full = { status: 409, body: { code: 'capacity_exceeded', error: expect.stringContaining('MiB of disk') } }
    for (const verb of ['hibernate', 'snapshots', 'fork']) expect(await on(id, verb)).toMatchObject(full)
    expect(await world.count(id)).toBe(2)
    delete world.room.freeDiskMb
    for (const verb of ['snapshots', 'fork', 'hibernate']) expect((await on(id, verb)).status).toBeLessThan(300)
  })

  test('what is promised to machines is counted, and many at once do not pass it', async () => {
    world.room.totalMemoryMb = 512 + 3 * 224
    const answers = await Promise.all(Array.from({ length: 8 }, () => create()))
    expect(codes(answers)).toEqual(['201', '201', '201', ...Array.from({ length: 5 }, () => 'capacity_exceeded')])
  })
})
