// Pause, resume, snapshots, forks and deadlines as their owner sees them, on the fake driver.

import { describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { createWorld, type World } from './world.ts'

const exec = async (world: World, id: string, command: string, args: string[] = []) =>
  (await world.call('POST', `/v1/machines/${id}/exec`, { body: { command, args } })).body

const count = async (world: World, id: string): Promise<number> => Number((await exec(world, id, 'counter')).stdout)

describe('pause and resume', () => {
  test('memory goes on where it was, under the same id, and nothing runs in between', async () => {
    await using world = await createWorld()
    const { id } = await world.machine()
    expect([await count(world, id), await count(world, id)]).toEqual([1, 2])
    const paused = await world.call('POST', `/v1/machines/${id}/hibernate`)
    expect(paused).toMatchObject({ status: 200, body: { machine_id: id, size_bytes: expect.any(Number) } })
    expect(world.vms.vms.size).toBe(0)
    const info = (await world.call('GET', `/v1/machines/${id}`)).body
    expect(info).toMatchObject({ status: 'paused', snapshot_id: paused.body.id })
    expect(info.timeout_at).toBeUndefined()
    expect((await world.call('GET', `/v1/snapshots/${paused.body.id}`)).body).toEqual(paused.body)
    expect((await world.call('DELETE', `/v1/snapshots/${paused.body.id}`)).body.code).toBe('snapshot_in_use')
    expect((await exec(world, id, 'true')).code).toBe('machine_not_ready')

    const resumed = await world.call('POST', `/v1/machines/${id}/resume`)
    expect(resumed).toMatchObject({ status: 200, body: { id, status: 'running' } })
    expect(resumed.body.snapshot_id).toBeUndefined()
    expect(await count(world, id)).toBe(3)
    await until(
      () => world.call('GET', `/v1/snapshots/${paused.body.id}`),
      ({ status }) => status === 404,
    )
    await world.call('DELETE', `/v1/machines/${id}`)
    await until(
      () => world.leftovers(),
      (left) => left.length === 0,
    )
  })

  test('a paused machine that is destroyed leaves nothing', async () => {
    await using world = await createWorld()
    const { id } = await world.machine()
    await world.call('POST', `/v1/machines/${id}/hibernate`)
    expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
    expect(await world.leftovers()).toEqual([])
  })

  test('work wakes a machine that may be woken, once for all who come', async () => {
    await using world = await createWorld()
    const { id } = await world.machine({ auto_resume: true, timeout_action: 'hibernate' })
    await count(world, id)
    await world.call('POST', `/v1/machines/${id}/hibernate`)
    const results = await Promise.all(Array.from({ length: 5 }, () => count(world, id)))
    expect(results.toSorted()).toEqual([2, 3, 4, 5, 6])
    const { events } = (await world.call('GET', `/v1/machines/${id}/lifecycle?operation=resume_from_snapshot&status=succeeded`)).body
    expect(events).toHaveLength(1)
  })
})

describe('snapshots', () => {
  test('any number of machines come from one, and the source goes on', async () => {
    await using world = await createWorld()
    const { id } = await world.machine({ metadata: { a: 1 }, envs: { X: 'y' } })
    await count(world, id)
    const snapshot = await world.call('POST', `/v1/machines/${id}/snapshots`, { headers: { 'idempotency-key': 'k' } })
    expect(snapshot).toMatchObject({ status: 201, body: { machine_id: id, metadata: { a: 1 } } })
    expect((await world.call('POST', `/v1/machines/${id}/snapshots`, { headers: { 'idempotency-key': 'k' } })).body).toEqual(snapshot.body)
    expect(await count(world, id)).toBe(2)
    await world.call('DELETE', `/v1/machines/${id}`)
    const children = await Promise.all([1, 2].map(() => world.machine({ snapshot_id: snapshot.body.id })))
    for (const child of children) expect(await count(world, child.id)).toBe(2)
    expect((await world.call('GET', `/v1/snapshots?machine_id=${id}`)).body).toEqual([snapshot.body])
    expect((await world.call('DELETE', `/v1/snapshots/${snapshot.body.id}`)).status).toBe(204)
    for (const child of children) {
      expect(await count(world, child.id)).toBe(3)
      await world.call('DELETE', `/v1/machines/${child.id}`)
    }
    expect(await world.leftovers()).toEqual([])
  })
})

describe('fork', () => {
  test('every child goes on from the same point on its own, and outlives the source', async () => {
    await using world = await createWorld()
    const { id } = await world.machine()
    await count(world, id)
    const forked = await world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 3 } })
    expect(forked.status).toBe(201)
    const children: string[] = forked.body.items.map((child: { id: string }) => child.id)
    for (const child of children) expect(await count(world, child)).toBe(2)
    expect(await count(world, id)).toBe(2)
    const grandchild = await world.call('POST', `/v1/machines/${children[0]}/fork`)
    expect(grandchild).toMatchObject({ status: 201, body: { status: 'running', parent_machine_id: children[0] } })
    expect(await count(world, grandchild.body.id)).toBe(3)
    await world.call('DELETE', `/v1/machines/${id}`)
    const family = (await world.call('GET', `/v1/machines/${grandchild.body.id}/lineage`)).body
    expect(family.root_machine_id).toBe(id)
    expect(family.nodes.map((node: { machine_id: string; status: string }) => [node.machine_id, node.status])).toEqual([
      [id, 'destroyed'],
      ...children.toSorted().map((child) => [child, 'running']),
      [grandchild.body.id, 'running'],
    ])
    for (const machine of [...children, grandchild.body.id]) await world.call('DELETE', `/v1/machines/${machine}`)
    await until(
      () => world.leftovers(),
      (left) => left.length === 0,
    )
  })
})
