// The daemon dies at every step of create and destroy. The next one finds every acknowledged machine running and works
// with it, and nothing else is left.

import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { hang } from '@nullspace/vmm/fake/faults.ts'
import { createWorkflow } from '../src/workflows/create.ts'
import { destroyWorkflow } from '../src/workflows/teardown.ts'
import { nameOf, pointsOf, trap } from './crash-points.ts'
import { createWorld, type World } from './world.ts'

async function expectUsable(world: World, id: string): Promise<void> {
  const answer = await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'echo', args: ['alive'] } })
  expect(answer.body).toMatchObject({ exit_code: 0, stdout: 'alive\n' })
}

describe('the half-made machine is gone, the whole one is there, and the key can be used again:', () => {
  test.each(pointsOf(createWorkflow).map((point) => [nameOf(point), point] as const))('killed %s', async (_name, point) => {
    const { hooks, set } = trap()
    const world = await createWorld()
    const kept = await world.machine()
    const keptVm = world.vms.vms.get(kept.id)?.handle.pid
    world.crash()
    await world.restart(hooks)
    const headers = { 'idempotency-key': 'once' }
    const dead = set(point)
    void world.call('POST', '/v1/machines', { body: {}, headers }).catch(() => {})
    await dead
    world.crash()
    await world.restart()
    const left = (await world.leftovers()).map((trace) => trace.replace(/^slot .*/, 'a slot'))
    expect(new Set(left)).toEqual(new Set([`data/pool/machines/${kept.id}`, `run/vm/${kept.id}`, 'a slot', `vm ${kept.id}`]))
    expect(world.vms.vms.get(kept.id)?.handle.pid).toBe(keptVm)
    await expectUsable(world, kept.id)
    const again = await world.call('POST', '/v1/machines', { body: {}, headers })
    expect(again.status).toBe(201)
    await expectUsable(world, again.body.id)
    for (const id of [kept.id, again.body.id]) await world.call('DELETE', `/v1/machines/${id}`)
    expect(await world.leftovers()).toEqual([])
    await world[Symbol.asyncDispose]()
  })
})

describe('the destroy is finished, the other machine lives:', () => {
  test.each(pointsOf(destroyWorkflow).map((point) => [nameOf(point), point] as const))('killed %s', async (_name, point) => {
    const { hooks, set } = trap()
    const world = await createWorld({ hooks })
    const [doomed, kept] = [await world.machine(), await world.machine()]
    const dead = set(point)
    void world.call('DELETE', `/v1/machines/${doomed.id}`).catch(() => {})
    await dead
    world.crash()
    await world.restart()
    expect((await world.call('GET', `/v1/machines/${doomed.id}`)).status).toBe(404)
    await expectUsable(world, kept.id)
    await world.call('DELETE', `/v1/machines/${kept.id}`)
    expect(await world.leftovers()).toEqual([])
    await world[Symbol.asyncDispose]()
  })
})

test('a machine whose VM died while no daemon ran is an error with a reason', async () => {
  await using world = await createWorld()
  const { id } = await world.machine()
  world.crash()
  world.vms.crash(id, 'killed from outside')
  await world.restart()
  await until(
    () => world.call('GET', `/v1/machines/${id}`),
    ({ body }) => body.status === 'error',
  )
  await until(
    () => world.leftovers(),
    (left) => left.length === 0,
  )
})

test('a deadline that passed while no daemon ran is kept at its start', async () => {
  await using world = await createWorld()
  const { id } = await world.machine({ timeout_ms: 5000 })
  world.crash()
  world.clock.step(3_600_000)
  await world.restart()
  await until(
    () => world.call('GET', `/v1/machines/${id}`),
    ({ status }) => status === 404,
  )
  await until(
    () => world.leftovers(),
    (left) => left.length === 0,
  )
})

test.each([
  ['restore', 'EIO', 'no_eligible_runtime_host'],
  ['restore', 'ENOSPC', 'insufficient_storage'],
  ['greet', 'EIO', 'no_eligible_runtime_host'],
  ['connect', 'ECONNRESET', 'no_eligible_runtime_host'],
] as const)('a host that fails at %s with %s leaves nothing', async (point, errno, code) => {
  await using world = await createWorld()
  await world.machine().then(({ id }) => world.call('DELETE', `/v1/machines/${id}`))
  const fault = () => Promise.reject(Object.assign(new Error(errno), { code: errno }))
  world.faults[point] = fault
  // A guest that never answers is told by the deadline, which is too long for a test: its VM is ended from outside.
  if (point === 'greet') world.faults.greet = hang()
  const answer = world.call('POST', '/v1/machines', { body: {} })
  if (point === 'greet') {
    const [id] = await until(
      () => [...world.vms.vms.keys()],
      (ids) => ids.length === 1,
    )
    world.vms.crash(id!) // just seen
  }
  expect((await answer).body.code).toBe(code)
  expect(await world.leftovers()).toEqual([])
  expect((await world.call('GET', '/v1/machines')).body).toEqual([])
})

test('a host without room says so before harm', async () => {
  await using world = await createWorld()
  const { room } = world.daemon.app.host
  world.daemon.app.host.room = async () => ({ freeMemoryMb: 600, freeDiskMb: 100_000, totalMemoryMb: 100_000 })
  expect((await world.call('POST', '/v1/machines', { body: { memory_mb: 1024 } })).body).toMatchObject({
    code: 'capacity_exceeded',
    error: expect.stringContaining('MiB of memory'),
  })
  world.daemon.app.host.room = async () => ({ freeMemoryMb: 60_000, freeDiskMb: 1000, totalMemoryMb: 100_000 })
  expect((await world.call('POST', '/v1/machines', { body: {} })).body).toMatchObject({
    code: 'capacity_exceeded',
    error: expect.stringContaining('MiB of disk'),
  })
  world.daemon.app.host.room = room
  expect(await world.leftovers()).toEqual([])
})

test('a machine whose host disk is full says so, loses nothing, and goes on when there is room', async () => {
  await using world = await createWorld()
  const { id } = await world.machine()
  world.daemon.app.host.room = async () => ({ freeMemoryMb: 60_000, freeDiskMb: 0, totalMemoryMb: 100_000 })
  world.vms.fillDisk(id)
  const run = () => world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'true' } })
  expect((await run()).body).toMatchObject({ code: 'insufficient_storage', error: expect.stringContaining('stands still') })
  world.daemon.app.host.room = async () => ({ freeMemoryMb: 60_000, freeDiskMb: 10_000, totalMemoryMb: 100_000 })
  await until(run, ({ status }) => status === 200, { withinMs: 12_000, what: 'the machine goes on' })
})

test('what the reconciler for unfinished work does never touches work that is under way', async () => {
  await using world = await createWorld()
  const gate = Promise.withResolvers<void>()
  world.faults.restore = () => gate.promise
  const create = world.call('POST', '/v1/machines', { body: {} })
  await until(
    () => world.daemon.app.db.selectFrom('operations').selectAll().execute(),
    (rows) => rows.length === 1,
  )
  const resumed = world.daemon.app.engine.resume((keys, kind, work) => world.daemon.app.lock.tryRunAll(keys, kind, work))
  gate.resolve()
  const { status, body } = await create
  await resumed
  expect(status).toBe(201)
  await expectUsable(world, body.id)
})

test('a take-down that fails can be asked for again, and the daemon starts with one that will not go', async () => {
  await using world = await createWorld()
  const { id } = await world.machine()
  world.faults.kill = () => Promise.reject(Object.assign(new Error('EBUSY'), { code: 'EBUSY' }))
  expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  expect((await world.call('GET', `/v1/machines/${id}`)).status).toBe(404)
  world.crash()
  await world.restart()
  expect((await world.call('GET', '/healthz')).status).toBe(200)
  delete world.faults.kill
  await world.daemon.app.engine.resume((keys, kind, work) => world.daemon.app.lock.tryRunAll(keys, kind, work))
  expect(await world.leftovers()).toEqual([])
})

test('a machine whose take-down is stuck can still be destroyed', async () => {
  await using world = await createWorld()
  const { id } = await world.machine()
  const fault = () => Promise.reject(new Error('EBUSY'))
  const { removeDisk } = world.daemon.app.host
  world.daemon.app.host.removeDisk = fault
  world.vms.crash(id, 'killed')
  await until(
    () => world.call('GET', `/v1/machines/${id}`),
    ({ body }) => body.status === 'error',
  )
  await until(
    () => world.daemon.app.lock.holder(id),
    (holder) => holder === undefined,
  )
  world.daemon.app.host.removeDisk = removeDisk
  expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  expect(await world.leftovers()).toEqual([])
})

test('promises to machines that exist are counted before a new one is admitted', async () => {
  await using world = await createWorld()
  world.daemon.app.host.room = async () => ({ freeMemoryMb: 60_000, freeDiskMb: 100_000, totalMemoryMb: 2048 })
  await world.machine({ memory_mb: 1024 })
  await world.machine({ memory_mb: 1024 })
  expect((await world.call('POST', '/v1/machines', { body: { memory_mb: 1024 } })).body.code).toBe('capacity_exceeded')
})

test('a database that has no room says so, and the daemon lives on', async () => {
  await using world = await createWorld()
  const kept = await world.machine()
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(world.db)
  await sql`pragma max_page_count = ${sql.lit(rows[0]?.page_count ?? 0)}`.execute(world.db)
  const big = { metadata: { text: 'x'.repeat(16_000) } }
  const answers = await Promise.all(Array.from({ length: 3 }, () => world.call('POST', '/v1/machines', { body: big })))
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.code}`))).toEqual(new Set(['507 insufficient_storage']))
  await expectUsable(world, kept.id)
  await sql`pragma max_page_count = 1000000`.execute(world.db)
  expect((await world.call('POST', '/v1/machines', { body: big })).status).toBe(201)
})
