// What machines use, over the HTTP edge.

import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const metrics = async (id: string, kind = 'metrics', key = world.key.key) => world.call('GET', `/v1/machines/${id}/${kind}`, { key })

test('a first sample is taken when it is asked for, then one per interval', async () => {
  const { id } = await world.machine({ vcpus: 2, memory_mb: 512 })
  const { status, body } = await metrics(id)
  expect(status).toBe(200)
  expect(body).toEqual([
    {
      timestamp: '2027-01-15T08:00:00.000Z',
      cpu_percent: expect.any(Number),
      cpu_count: expect.any(Number),
      mem_used_bytes: expect.any(Number),
      mem_total_bytes: expect.any(Number),
      disk_used_bytes: expect.any(Number),
      disk_total_bytes: expect.any(Number),
      network_rx_bytes: expect.any(Number),
      network_tx_bytes: expect.any(Number),
    },
  ])
  for (let n = 2; n <= 3; n++) {
    await until(
      () => {
        world.clock.step(1_000)
        return metrics(id)
      },
      ({ body: samples }) => samples.length >= n,
      { what: `${n} samples` },
    )
  }
  const samples = (await metrics(id)).body.map(({ timestamp }: { timestamp: string }) => timestamp)
  expect(samples).toEqual(samples.toSorted())
  expect((await metrics(id, 'host-metrics')).body[0]).toEqual({
    timestamp: expect.any(String),
    cpu_percent: expect.any(Number),
    memory_bytes: expect.any(Number),
    disk_bytes: expect.any(Number),
  })
})

test('a paused machine keeps its samples, is not woken, and gets no new ones; a destroyed one has none', async () => {
  const { id } = await world.machine()
  const before = (await metrics(id)).body
  expect((await world.call('POST', `/v1/machines/${id}/hibernate`)).status).toBe(200)
  world.clock.step(10_000)
  expect((await metrics(id)).body).toEqual(before)
  expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
  await world.call('DELETE', `/v1/machines/${id}`)
  expect((await metrics(id)).body.code).toBe('machine_not_found')
  await until(
    () => world.daemon.app.usage.samples(id),
    (samples) => samples.length === 0,
    { what: 'the samples are forgotten' },
  )
})

test('asking is no use of the machine, and another owner may not ask', async () => {
  const { id } = await world.machine()
  const active = async () => (await world.call('GET', `/v1/machines/${id}`)).body.last_active_at
  const before = await active()
  world.clock.step(10_000)
  await metrics(id)
  expect(await active()).toBe(before)
  const { key } = await world.otherOwner()
  for (const kind of ['metrics', 'host-metrics']) expect((await metrics(id, kind, key)).body.code).toBe('machine_not_found')
})
