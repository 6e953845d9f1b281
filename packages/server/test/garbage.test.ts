// What the host holds and nobody knows of is found, told and removed; what anybody needs is not, also while it is made.

import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FRESH_GUEST } from '@nullspace/vmm/fake/fake-guest.ts'
import { counting } from './ground.ts'
import { createWorld, type World } from './world.ts'

let world: World
let operator: string
beforeEach(async () => {
  world = await createWorld({ spareMachines: 1 })
  operator = (await world.operator()).key
})
afterEach(() => world[Symbol.asyncDispose]())

const collect = (dry_run: boolean) => world.call('POST', '/v1/host/gc', { body: { dry_run }, key: operator })
const names = (answer: { body: { items: { kind: string; name: string }[] } }): string[] =>
  answer.body.items.map(({ kind, name }) => `${kind} ${name}`).toSorted()

test('only operators may', async () => {
  expect((await world.call('POST', '/v1/host/gc', { body: {} })).body.code).toBe('forbidden')
  expect((await world.call('POST', '/v1/host/gc', { body: { dry_run: 'yes' }, key: operator })).body.code).toBe('invalid_request')
})

test('leftovers are named with a reason, a dry run removes nothing, and what is not ours stays', async () => {
  const id = await counting(world)
  const snapshot = (await world.call('POST', `/v1/machines/${id}/snapshots`)).body.id
  const asleep = await counting(world)
  await world.call('POST', `/v1/machines/${asleep}/hibernate`)
  const { pool, run } = world.places
  const orphan = 'mch_aaaaaaaaaaaaaaaaaaaa'
  await mkdir(join(pool, 'machines', orphan))
  await writeFile(join(pool, 'machines', orphan, 'disk.qcow2'), 'x'.repeat(10_000))
  await mkdir(join(pool, 'snapshots/snap_aaaaaaaaaaaaaaaaaaaa'))
  await mkdir(join(pool, 'snapshots/snap_bbbbbbbbbbbbbbbbbbbb.partial'))
  await mkdir(join(run, 'vm', orphan))
  world.vms.start(orphan, join(run, 'vm', orphan), FRESH_GUEST, null)
  const expected = [`machine ${orphan}`, 'snapshot snap_aaaaaaaaaaaaaaaaaaaa', 'snapshot snap_bbbbbbbbbbbbbbbbbbbb.partial', `vm ${orphan}`]
  const dry = await collect(true)
  expect(dry.body.dry_run).toBe(true)
  expect(names(dry)).toEqual(expected)
  for (const item of dry.body.items) expect(item).toMatchObject({ bytes: expect.any(Number), reason: expect.stringMatching(/\w/) })
  expect(dry.body.items.find((item: { kind: string }) => item.kind === 'machine').bytes).toBeGreaterThanOrEqual(10_000)
  expect(names(await collect(true))).toEqual(expected)
  expect(names(await collect(false))).toEqual(expected)
  expect(names(await collect(false))).toEqual([])
  expect(await readdir(join(pool, 'machines'))).toContain(id)
  expect(await world.count(id)).toBe(2)
  expect((await world.call('POST', `/v1/machines/${asleep}/resume`)).status).toBe(200)
  expect(await world.count(asleep)).toBe(2)
  expect(await world.count((await world.machine({ snapshot_id: snapshot })).id)).toBe(2)
})

test('it finds nothing while machines, snapshots and forks come and go', async () => {
  const id = await counting(world)
  let done = false
  const found: string[] = []
  const sweeping = (async () => {
    while (!done) found.push(...names(await collect(false)), ...names(await collect(true)))
  })()
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all([
      world.machine(),
      world.machine({ internet_access: false }),
      world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 3 } }),
    ])
    const [first, second, forks] = answers
    expect(forks.status).toBe(201)
    const snapshot = await world.call('POST', `/v1/machines/${id}/snapshots`)
    expect((await world.call('POST', `/v1/machines/${first.id}/hibernate`)).status).toBe(200)
    const children = [second.id, ...forks.body.items.map((child: { id: string }) => child.id)]
    const made = await Promise.all([
      world.machine({ snapshot_id: snapshot.body.id }),
      world.call('POST', `/v1/machines/${first.id}/resume`),
      ...children.map((child) => world.call('DELETE', `/v1/machines/${child}`)),
    ])
    expect(await world.count(made[0].id)).toBe(2 + round)
    expect(await world.count(first.id)).toBe(1)
    expect(await world.count(id)).toBe(2 + round)
  }
  done = true
  await sweeping
  expect(found).toEqual([])
})
