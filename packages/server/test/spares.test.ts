// Spare machines: a create takes one when it fits, and everything else about the machine is as if it had not.

import { afterEach, describe, expect, test } from 'vitest'
import { Op } from '../src/observe/op.ts'
import type { StepHooks } from '../src/workflows/engine.ts'
import { hibernateWorkflow, parkWorkflow } from '../src/workflows/hibernate.ts'
import { destroyWorkflow } from '../src/workflows/teardown.ts'
import { nameOf, pointsOf, trap } from './crash-points.ts'
import { clearOut } from './ground.ts'
import { createWorld, type World } from './world.ts'

let world: World
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

async function withSpares(count: number, hooks?: StepHooks): Promise<World> {
  world = await createWorld({ spareMachines: count, ...(hooks ? { hooks } : {}) })
  using op = new Op('test', { timeoutMs: 10_000 })
  await world.daemon.app.host.ensureShape(op, { template: 'base', vcpus: 1, memoryMb: 256 })
  for (let i = 0; i < count; i++) await world.daemon.app.host.refill(op)
  expect(ready()).toBe(count)
  return world
}
const ready = (): number => world.daemon.app.host.spares().reduce((sum, { count }) => sum + count, 0)
const spareVms = (): string[] => [...world.vms.vms.keys()].filter((id) => id.startsWith('spare-'))
const exec = async (id: string, command: string): Promise<string> =>
  (await world.call('POST', `/v1/machines/${id}/exec`, { body: { command, shell: true } })).body.stdout

test('a create takes a waiting spare, which becomes a machine of its own', async () => {
  await withSpares(2)
  const before = new Set(spareVms())
  const [a, b] = [await world.machine({ cwd: '/tmp', envs: { A: '1' } }), await world.machine()]
  expect(new Set(spareVms())).toEqual(before)
  expect(ready()).toBe(0)
  expect(await exec(a.id, 'hostname')).toBe(`${a.id.replace('_', '-')}\n`)
  expect(await exec(a.id, 'pwd; echo $A')).toBe('/tmp\n1\n')
  expect(await exec(a.id, 'cat /etc/machine-id')).not.toBe(await exec(b.id, 'cat /etc/machine-id'))
  for (const { id } of [a, b]) await world.call('DELETE', `/v1/machines/${id}`)
  expect(await world.leftovers()).toEqual([])
})

test('a machine that needs another network or size is started afresh', async () => {
  await withSpares(1)
  await world.machine({ internet_access: false })
  await world.machine({ memory_mb: 512 })
  expect(ready()).toBe(1)
  expect(world.vms.vms.size).toBe(3)
})

test('more at once than there are spares all succeed', async () => {
  await withSpares(2)
  const machines = await Promise.all(Array.from({ length: 5 }, () => world.machine()))
  const names = await Promise.all(machines.map(({ id }) => exec(id, 'hostname')))
  expect(new Set(names).size).toBe(5)
})

test('after a kill of the daemon machines made from spares are found again, and waiting spares are gone', async () => {
  await withSpares(2)
  const before = spareVms()
  const { id } = await world.machine()
  world.crash()
  await world.restart()
  expect(spareVms().filter((name) => before.includes(name))).toHaveLength(1)
  expect(await exec(id, 'hostname')).toBe(`${id.replace('_', '-')}\n`)
  await world.call('DELETE', `/v1/machines/${id}`)
  // The new daemon holds spares of its own by now.
  await world.daemon.drain(5_000)
  expect(await world.leftovers()).toEqual([])
})

test('a spare that dies is forgotten; a machine made from one fails as any other', async () => {
  await withSpares(2)
  const [first] = spareVms()
  world.vms.crash(first!) // there are two
  await expect.poll(ready).toBe(1)
  const { id } = await world.machine()
  world.vms.crash(spareVms()[0]!, 'killed from outside') // the machine's
  await expect.poll(async () => (await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('error')
  await world.call('DELETE', `/v1/machines/${id}`)
  using op = new Op('test', { timeoutMs: 10_000 })
  await world.daemon.app.host.refill(op)
  await world.daemon.drain(1000)
  expect(await world.leftovers()).toEqual([])
})

test('a drained daemon takes its spares with it', async () => {
  await withSpares(2)
  await world.daemon.drain(1000)
  expect(await world.leftovers()).toEqual([])
})

describe('a machine made from a spare', () => {
  test('is paused, resumed, forked and snapshotted as any other, and leaves nothing', async () => {
    await withSpares(1)
    const { id } = await world.machine()
    expect(await world.count(id)).toBe(1)
    const post = async (path: string) => (await world.call('POST', `/v1/machines/${id}/${path}`)).body.id
    const child = await post('fork')
    const snapshot = await post('snapshots')
    await post('hibernate')
    expect(spareVms()).toEqual([])
    await post('resume')
    const restored = (await world.machine({ snapshot_id: snapshot })).id
    for (const machine of [id, child, restored]) expect(await world.count(machine)).toBe(2)
    await world.daemon.stop()
    using op = new Op('test', { timeoutMs: 10_000 })
    await clearOut(world, () => world.daemon.app.host.close(op))
  })

  const points = [hibernateWorkflow, parkWorkflow, destroyWorkflow].flatMap(pointsOf)
  test.each(points.map((point) => [nameOf(point), point] as const))('killed %s', async (_name, point) => {
    const { hooks, set } = trap()
    await withSpares(1, hooks)
    const { id } = await world.machine()
    expect(await world.count(id)).toBe(1)
    expect(spareVms()).toHaveLength(1)
    const dead = set(point)
    const path = `/v1/machines/${id}`
    const verb = point.kind === 'destroy' ? world.call('DELETE', path) : world.call('POST', `${path}/hibernate`)
    void verb.catch(() => {})
    await dead
    await world.restart()
    await world.daemon.stop()
    const { status, body } = await world.call('GET', path)
    expect(status === 404 ? 'gone' : body.status).toBe({ hibernate: 'running', park: 'paused', destroy: 'gone' }[point.kind])
    if (body.status === 'paused') expect((await world.call('POST', `${path}/resume`)).status).toBe(200)
    if (status !== 404) expect(await world.count(id)).toBe(2)
    using op = new Op('test', { timeoutMs: 10_000 })
    await clearOut(world, () => world.daemon.app.host.close(op))
  })
})
