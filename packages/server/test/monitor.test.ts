// All machines of an owner, live.

import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { updateMachine } from '../src/store/tables/machines.ts'
import { type Client, connect } from './sockets.ts'
import { createWorld, type World } from './world.ts'

let world: World
let clients: Client[] = []
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  for (const { ws } of clients) ws.close()
  clients = []
  await world[Symbol.asyncDispose]()
})

async function monitor(frame: Record<string, unknown> = {}, key = world.key.key): Promise<Client> {
  const client = await connect(world, '/v1/monitor/ws', { key })
  clients.push(client)
  client.send({ type: 'monitor_subscribe', id: 'm1', ...frame })
  return client
}
const update = (client: Client, machineId: string, status: string) =>
  client.frame(
    ({ type, machine_id, machine }) => type === 'monitor_update' && machine_id === machineId && machine?.status === status,
    `${machineId} ${status}`,
  )

test('a snapshot first, then what changes, then what is gone', async () => {
  const { id } = await world.machine({ metadata: { job: 7 } })
  const client = await monitor()
  const snapshot = await client.frame(() => true, 'the first frame')
  expect(snapshot).toEqual({ type: 'monitor_snapshot', id: 'm1', machines: [(await world.call('GET', `/v1/machines/${id}`)).body] })
  const second = await world.machine()
  expect(await update(client, second.id, 'running')).toEqual({
    type: 'monitor_update',
    id: 'm1',
    machine_id: second.id,
    machine: (await world.call('GET', `/v1/machines/${second.id}`)).body,
    removed: false,
  })
  await world.call('POST', `/v1/machines/${id}/hibernate`)
  await update(client, id, 'paused')
  await world.call('DELETE', `/v1/machines/${id}`)
  const removed = await client.frame(({ removed: gone }) => gone === true, 'it is gone')
  expect(removed).toEqual({ type: 'monitor_update', id: 'm1', machine_id: id, removed: true })
  expect(client.frames.filter(({ type }) => type === 'monitor_snapshot')).toHaveLength(1)
})

test('a change that no event tells of is seen all the same', async () => {
  const { id } = await world.machine()
  const client = await monitor()
  await client.frame(() => true, 'the first frame')
  await updateMachine(world.db, id, { metadata: { job: 8 } })
  await client.frame(({ machine }) => machine?.metadata.job === 8, 'the change')
})

test('use and the passing of time are no change', async () => {
  const { id } = await world.machine()
  const client = await monitor()
  await client.frame(() => true, 'the first frame')
  world.clock.step(3_000)
  await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'true' } })
  await updateMachine(world.db, id, { metadata: { job: 9 } })
  await client.frame(({ machine }) => machine?.metadata.job === 9, 'the change')
  expect(client.frames.filter(({ type }) => type === 'monitor_update')).toHaveLength(1)
})

test('figures of what runs, every interval, the same for several who look', async () => {
  const { id } = await world.machine()
  const paused = await world.machine()
  await world.call('POST', `/v1/machines/${paused.id}/hibernate`)
  const client = await monitor({ interval_ms: 1 })
  client.send({ type: 'monitor_subscribe', id: 'm2', interval_ms: 500 })

  for (let n = 1; n <= 3; n++) {
    world.clock.step(1_000)
    await until(
      () => client.frames.filter(({ type, id: of }) => type === 'monitor_metrics' && of === 'm2').length,
      (count) => count >= n,
      { what: `${n} rounds of figures` },
    )
  }
  const figures = client.frames.filter(({ type }) => type === 'monitor_metrics')
  expect(new Set(figures.map(({ machine_id }) => machine_id))).toEqual(new Set([id]))
  expect(new Set(figures.map(({ id: of }) => of))).toEqual(new Set(['m1', 'm2']))
  expect(figures[0].metrics).toEqual((await world.call('GET', `/v1/machines/${id}/metrics`)).body[0])
})

test('subscriptions end one by one', async () => {
  const client = await monitor()
  client.send({ type: 'monitor_subscribe', id: 'm2' })
  await until(
    () => client.frames.filter(({ type }) => type === 'monitor_snapshot').length,
    (count) => count === 2,
    { what: 'two snapshots' },
  )
  client.send({ type: 'monitor_unsubscribe', id: 'm1' })
  client.send({ type: 'monitor_unsubscribe', id: 'unknown' })
  // An answer after it: what was sent before has been dealt with.
  client.send({ type: 'x' })
  await client.frame(({ type }) => type === 'monitor_error', 'the frames before are done')
  const { id } = await world.machine()
  await update(client, id, 'running')
  expect(client.frames.filter(({ type, id: of }) => type === 'monitor_update' && of === 'm1')).toEqual([])
  client.send({ type: 'monitor_subscribe', id: 'm1' })
  await until(
    () => client.frames.filter(({ type }) => type === 'monitor_snapshot').length,
    (count) => count === 3,
    { what: 'a third snapshot' },
  )
})

test('frames that make no sense are told so, and the others go on', async () => {
  const client = await monitor()
  await client.frame(() => true, 'the first frame')
  for (const frame of [
    { type: 'monitor_subscribe', id: 'm1' },
    { type: 'monitor_subscribe' },
    { type: 'monitor_subscribe', id: 'm3', interval_ms: 'often' },
    [],
    null,
    7,
  ])
    client.send(frame)
  await until(
    () => client.frames.filter(({ type }) => type === 'monitor_error').length,
    (count) => count === 6,
    { what: 'six errors' },
  )
  expect(client.frames.filter(({ type }) => type === 'monitor_error').map(({ id }) => id)).toEqual(['m1', '', 'm3', '', '', ''])
  const { id } = await world.machine()
  await update(client, id, 'running')
  client.send('{')
  expect(await client.closed).toBe(1008)
})

test('another owner sees nothing of it', async () => {
  await world.machine()
  const { key } = await world.otherOwner()
  const client = await monitor({}, key)
  expect(await client.frame(() => true, 'the first frame')).toEqual({ type: 'monitor_snapshot', id: 'm1', machines: [] })
})

test('onlookers of one owner are bounded, and places are freed again', async () => {
  const client = await monitor({ id: 'n0' })
  for (let n = 1; n < 33; n++) client.send({ type: 'monitor_subscribe', id: `n${n}` })
  expect(await client.frame(({ type }) => type === 'monitor_error', 'a refusal')).toMatchObject({ id: 'n32' })
  client.ws.close()
  await client.closed
  const next = await monitor()
  await next.frame(({ type }) => type === 'monitor_snapshot', 'a place was freed')
})

test('a snapshot too large for one frame goes on as updates', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, async () => (await world.machine()).id))
  for (const id of ids) await updateMachine(world.db, id, { metadata: { text: 'x'.repeat(150_000) } })
  const client = await monitor()
  await until(
    () => client.frames.filter(({ type }) => type === 'monitor_update').length,
    (count) => count === 3,
    { what: 'the rest' },
  )
  const { machines } = client.frames[0]
  const updates = client.frames.filter(({ type }) => type === 'monitor_update').map(({ machine_id }) => machine_id)
  expect([...machines.map(({ id }: { id: string }) => id), ...updates].toSorted()).toEqual(ids.toSorted())
})

test('more than a connection may have waiting is told over several looks, and a client that reads is not closed', async () => {
  await world[Symbol.asyncDispose]()
  world = await createWorld({ socketRules: { mostWaitingBytes: 2 * 1024 * 1024 } })
  const ids = await Promise.all(Array.from({ length: 12 }, async () => (await world.machine()).id))
  for (const id of ids) await updateMachine(world.db, id, { metadata: { text: 'x'.repeat(250_000) } })
  const client = await monitor()
  const told = () =>
    client.frames.flatMap(({ type, machines, machine_id }) =>
      type === 'monitor_snapshot' ? machines.map(({ id }: { id: string }) => id) : type === 'monitor_update' ? [machine_id] : [],
    )
  await until(told, (have) => have.length >= ids.length, { what: 'all of them' })
  expect(told().toSorted()).toEqual(ids.toSorted())
  expect(client.ws.readyState).toBe(client.ws.OPEN)
})

test('processes to those who ask for them, when they change; looking wakes nothing and is no use', async () => {
  const { id } = await world.machine({ inactivity_timeout_ms: 60_000 })
  const paused = await world.machine({ auto_resume: true, timeout_action: 'hibernate' })
  await world.call('POST', `/v1/machines/${paused.id}/hibernate`)
  const client = await monitor({ include_processes: true, interval_ms: 500 })
  const told = () => client.frames.filter(({ type }) => type === 'monitor_processes')
  await client.frame(({ type }) => type === 'monitor_processes', 'the first list')
  const { body } = await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'sleep', args: ['1000'], background: true } })
  await client.frame(({ processes }) => processes?.some(({ pid }: { pid: number }) => pid === body.pid), 'the process')
  const before = (await world.call('GET', `/v1/machines/${id}`)).body
  await world.call('POST', `/v1/machines/${id}/processes/${body.pid}/kill`)
  await client.frame(({ processes }) => processes?.some(({ running }: { running: boolean }) => !running), 'its end')
  expect(told()).toEqual(
    [[], [{ pid: body.pid, command: 'sleep 1000', running: true }], [{ pid: body.pid, command: 'sleep 1000', running: false }]].map(
      (processes) => ({ type: 'monitor_processes', id: 'm1', machine_id: id, processes }),
    ),
  )
  expect(before.status).toBe('running')
  // Whatever runs, published clients take a MiB.
  for (let i = 0; i < 3; i++)
    await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'true', args: ['x'.repeat(4000)], background: true } })
  await client.frame(({ processes }) => processes?.length === 4, 'all of them')
  expect(
    told()
      .at(-1)
      .processes.map(({ command }: { command: string }) => command.length),
  ).toEqual([10, 200, 200, 200])
  expect((await world.call('GET', `/v1/machines/${paused.id}`)).body.status).toBe('paused')
})
