// The ends of a machine's time, on a clock that the test moves.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { deadlines } from '../src/reconcilers/deadlines.ts'
import type { Reconciler } from '../src/reconcilers/reconciler.ts'
import { createWorld, type World } from './world.ts'

let world: World
let look: Reconciler
beforeEach(async () => {
  world = await createWorld()
  // The test looks when it wants to.
  await world.daemon.stop()
  look = deadlines(world.daemon.app)
})
afterEach(() => world[Symbol.asyncDispose]())

/** What the machine is once all that was due has been done. */
async function after(ms: number, id: string): Promise<string> {
  world.clock.step(ms)
  await look.run()
  await world.daemon.app.lock.idle()
  const { status, body } = await world.call('GET', `/v1/machines/${id}`)
  return status === 404 ? 'gone' : body.status
}
const setTimeout = (id: string, body: Record<string, unknown>) => world.call('POST', `/v1/machines/${id}/timeout`, { body })

describe('the absolute deadline', () => {
  test.each([
    ['destroys', {}, 'gone'],
    ['pauses', { timeout_action: 'hibernate' }, 'paused'],
    ['pauses, in other words', { lifecycle: { on_timeout: 'pause' } }, 'paused'],
  ])('%s', async (_what, options, end) => {
    const { id } = await world.machine({ timeout_ms: 5_000, ...options })
    expect(await after(4_999, id)).toBe('running')
    expect(await after(1, id)).toBe(end)
    const { events } = (await world.call('GET', `/v1/machines/${id}/lifecycle?operation=timeout_expired`)).body
    expect(events).toMatchObject([{ actor_kind: 'system', reason: 'its timeout has passed' }])
  })

  test('a resume begins it anew; being paused does not count', async () => {
    const { id } = await world.machine({ timeout_ms: 5_000 })
    await world.call('POST', `/v1/machines/${id}/hibernate`)
    expect(await after(3_600_000, id)).toBe('paused')
    await world.call('POST', `/v1/machines/${id}/resume`)
    expect(await after(4_999, id)).toBe('running')
    expect(await after(1, id)).toBe('gone')
  })

  test('setting it begins it anew, and may change what happens', async () => {
    const { id } = await world.machine({ timeout_ms: 5_000 })
    world.clock.step(4_000)
    const lease = await setTimeout(id, { timeout_ms: 10_000, timeout_action: 'hibernate' })
    expect(lease.body).toEqual({
      timeout_ms: 10_000,
      timeout_action: 'hibernate',
      timeout_at: new Date(world.clock.now() + 10_000).toISOString(),
      remaining_ms: 10_000,
    })
    expect(await after(9_999, id)).toBe('running')
    expect(await after(1, id)).toBe('paused')
  })

  test('an action that contradicts the machine is refused', async () => {
    const woken = await world.machine({ auto_resume: true, timeout_action: 'hibernate' })
    const ephemeral = await world.machine({ ephemeral: true })
    const refused = { status: 400, body: { code: 'invalid_request', details: { field: 'timeout_action' } } }
    expect(await setTimeout(woken.id, { timeout_ms: 5_000, timeout_action: 'destroy' })).toMatchObject(refused)
    expect(await setTimeout(ephemeral.id, { timeout_ms: 5_000, timeout_action: 'hibernate' })).toMatchObject(refused)
    expect((await setTimeout(woken.id, { timeout_ms: 5_000 })).body.timeout_action).toBe('hibernate')
  })

  test('setting it against its end: who was told that it goes on finds it running', async () => {
    for (let round = 0; round < 8; round++) {
      const { id } = await world.machine({ timeout_ms: 5_000, ...(round % 2 ? { timeout_action: 'hibernate' } : {}) })
      world.clock.step(5_000)
      const [, { status }] =
        round % 4 < 2
          ? await Promise.all([look.run(), setTimeout(id, { timeout_ms: 60_000 })])
          : ((await Promise.all([setTimeout(id, { timeout_ms: 60_000 }), look.run()])).toReversed() as [void, { status: number }])
      await world.daemon.app.lock.idle()
      const now = await world.call('GET', `/v1/machines/${id}`)
      if (status === 200) expect(now.body.status).toBe('running')
      else expect([404, 409]).toContain(status)
    }
  })

  test('met while something else is at work, it is kept as soon as that is done', async () => {
    const { id } = await world.machine({ timeout_ms: 5_000 })
    const gate = Promise.withResolvers<void>()
    world.hostFaults.sealSnapshot = () => gate.promise
    const taking = world.call('POST', `/v1/machines/${id}/snapshots`)
    await until(
      () => world.daemon.app.lock.holder(id),
      (holder) => holder === 'snapshot',
    )
    world.clock.step(5_000)
    await look.run()
    gate.resolve()
    expect((await taking).status).toBe(201)
    expect(await after(0, id)).toBe('gone')
  })

  test('a clock that is set back puts it off and ends nothing early; set forward, it is met', async () => {
    const { id } = await world.machine({ timeout_ms: 60_000, inactivity_timeout_ms: 30_000 })
    await world.count(id)
    expect(await after(-3_600_000, id)).toBe('running')
    expect(await world.count(id)).toBe(2)
    expect(await after(29_999, id)).toBe('running')
    expect(await after(3_660_000, id)).toBe('gone')
  })
})

describe('idle time', () => {
  const idle = { timeout_ms: 3_600_000, inactivity_timeout_ms: 10_000, timeout_action: 'hibernate' }

  test('work puts it off, and reading does not', async () => {
    const { id } = await world.machine(idle)
    world.clock.step(9_000)
    expect(await world.count(id)).toBe(1)
    expect(await after(9_999, id)).toBe('running')
    await world.call('GET', `/v1/machines/${id}`)
    expect(await after(1, id)).toBe('paused')
  })

  test('a command holds it for as long as it runs, and its end begins it anew', async () => {
    const { id } = await world.machine(idle)
    const running = world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'sleep 0.5', shell: true } })
    await until(
      () => world.vms.vms.get(id)?.guest.commands,
      (count) => count === 1,
    )
    expect(await after(3_000_000, id)).toBe('running')
    expect((await running).status).toBe(200)
    expect(await after(9_999, id)).toBe('running')
    expect(await after(1, id)).toBe('paused')
  })

  test('it counts from the resume, and again in the next life of the daemon', async () => {
    const { id } = await world.machine({ ...idle, auto_resume: true })
    expect(await after(10_000, id)).toBe('paused')
    world.clock.step(1_000_000)
    expect(await world.count(id)).toBe(1)
    expect(await after(9_999, id)).toBe('running')
    world.crash()
    world.clock.step(1)
    await world.restart()
    await until(
      () => world.call('GET', `/v1/machines/${id}`),
      ({ body }) => body.status === 'paused',
    )
  })
})

test('what is paused for too long is destroyed, and its snapshot with it', async () => {
  const { id } = await world.machine({ auto_delete_after_ms: 5_000, timeout_ms: 1_000, timeout_action: 'hibernate' })
  expect(await after(1_000, id)).toBe('paused')
  expect(await after(4_999, id)).toBe('paused')
  await world.call('POST', `/v1/machines/${id}/resume`)
  expect(await after(1_000, id)).toBe('paused')
  expect(await after(4_999, id)).toBe('paused')
  expect(await after(1, id)).toBe('gone')
  await until(
    () => world.leftovers(),
    (left) => left.length === 0,
  )
})

test('a machine in error goes at its deadline', async () => {
  const { id } = await world.machine({ timeout_ms: 5_000, timeout_action: 'hibernate' })
  await world.restart()
  world.vms.crash(id)
  await until(
    () => world.call('GET', `/v1/machines/${id}`),
    ({ body }) => body.status === 'error',
  )
  world.clock.step(5_000)
  await until(
    () => world.call('GET', `/v1/machines/${id}`),
    ({ status }) => status === 404,
  )
})

test('a pause that fails is tried again after a while, not at every look', async () => {
  const { id } = await world.machine({ timeout_ms: 5_000, timeout_action: 'hibernate' })
  let tries = 0
  world.faults.capture = () => {
    tries++
    return Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
  }
  expect(await after(5_000, id)).toBe('running')
  for (let second = 0; second < 29; second++) expect(await after(1_000, id)).toBe('running')
  expect(tries).toBe(1)
  await after(1_001, id)
  expect(tries).toBe(2)
  // Also when the host's clock is set back meanwhile.
  delete world.faults.capture
  world.clock.step(-3_600_000)
  await setTimeout(id, { timeout_ms: 1_000 })
  expect(await after(31_000, id)).toBe('paused')
})

test('the deadline of a child is its own', async () => {
  const { id } = await world.machine({ timeout_ms: 5_000, timeout_action: 'hibernate' })
  world.clock.step(3_000)
  const child = (await world.call('POST', `/v1/machines/${id}/fork`)).body.id
  expect(await after(2_000, id)).toBe('paused')
  expect(await after(2_999, child)).toBe('running')
  expect(await after(1, child)).toBe('paused')
})
