// Other ways in which a pause, a snapshot or a fork can be cut short: VMs and agents that die, disks that fill, a host
// that fails, and a daemon that is killed again and again in the middle of a large fork.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import type { FaultPoint } from '@nullspace/vmm/fake/faults.ts'
import { branchWorkflow, forkWorkflow } from '../src/workflows/fork.ts'
import { hibernateWorkflow } from '../src/workflows/hibernate.ts'
import { resumeWorkflow } from '../src/workflows/resume.ts'
import { snapshotWorkflow } from '../src/workflows/snapshot.ts'
import { pointsOf, trap } from './crash-points.ts'
import { clearOut, counting } from './ground.ts'
import type { HostFaults } from './life.ts'
import { createWorld, type Answer, type World } from './world.ts'

const { hooks, set } = trap()
let world: World
beforeAll(async () => {
  world = await createWorld({ hooks })
})
afterEach(async () => {
  for (const faults of [world.faults, world.hostFaults]) for (const point of Object.keys(faults)) Reflect.deleteProperty(faults, point)
  await clearOut(world)
})
afterAll(() => world[Symbol.asyncDispose]())

const VERBS = { hibernate: 'hibernate', snapshot: 'snapshots', fork: 'fork', resume: 'resume' } as const
type Verb = keyof typeof VERBS
const call = (id: string, verb: Verb): Promise<Answer> => world.call('POST', `/v1/machines/${id}/${VERBS[verb]}`)
const error = (code: string): Error => Object.assign(new Error(`${code}: scripted fault`), { code })

/** As it was before: it counts on, and of what failed there is nothing. */
async function expectUnharmed(id: string): Promise<void> {
  expect(await world.count(id)).toBe(2)
  expect((await world.call('GET', '/v1/snapshots')).body).toEqual([])
  expect((await world.call('GET', '/v1/machines')).body).toHaveLength(1)
}

describe('a host that fails', () => {
  const driver: [Verb, FaultPoint, string, string][] = [
    ['hibernate', 'capture', 'ENOSPC', 'insufficient_storage'],
    ['hibernate', 'captureCopy', 'ENOSPC', 'insufficient_storage'],
    ['hibernate', 'captureCopy', 'EIO', 'no_eligible_runtime_host'],
    ['snapshot', 'capture', 'EIO', 'no_eligible_runtime_host'],
    ['snapshot', 'captureCopy', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'capture', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'captureCopy', 'EDQUOT', 'insufficient_storage'],
    ['fork', 'restore', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'connect', 'ECONNRESET', 'no_eligible_runtime_host'],
  ]
  test.each(driver)('in %s at %s with %s', async (verb, point, code, told) => {
    const id = await counting(world)
    world.faults[point] = () => Promise.reject(error(code))
    const answer = await call(id, verb)
    delete world.faults[point]
    expect(answer.body.code).toBe(told)
    await expectUnharmed(id)
  })

  const steps: [Verb, keyof HostFaults, string, string][] = [
    ['hibernate', 'clone', 'ENOSPC', 'insufficient_storage'],
    ['hibernate', 'sealSnapshot', 'ENOSPC', 'insufficient_storage'],
    ['hibernate', 'prepareCapture', 'EACCES', 'no_eligible_runtime_host'],
    ['snapshot', 'clone', 'EOPNOTSUPP', 'no_eligible_runtime_host'],
    ['snapshot', 'sealSnapshot', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'clone', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'sealSnapshot', 'EIO', 'no_eligible_runtime_host'],
    ['fork', 'reserveSlot', 'no_free_slot', 'capacity_exceeded'],
    ['fork', 'cloneDisk', 'ENOSPC', 'insufficient_storage'],
    ['fork', 'greet', 'ETIMEDOUT', 'no_eligible_runtime_host'],
  ]
  test.each(steps)('in %s at the step %s with %s', async (verb, step, code, told) => {
    const id = await counting(world)
    world.hostFaults[step] = () => Promise.reject(error(code))
    const answer = await call(id, verb)
    delete world.hostFaults[step]
    expect(answer.body.code).toBe(told)
    await expectUnharmed(id)
  })

  test('the disk copy fails while the machine stands still', async () => {
    const id = await counting(world)
    world.hostFaults.clone = (_from, to) => (to?.endsWith('disk.qcow2') ? Promise.reject(error('ENOSPC')) : Promise.resolve())
    for (const verb of ['hibernate', 'snapshot', 'fork'] as const) expect((await call(id, verb)).body.code).toBe('insufficient_storage')
    delete world.hostFaults.clone
    await expectUnharmed(id)
  })

  const waking: [keyof HostFaults, string, string][] = [
    ['reserveSlot', 'no_free_slot', 'capacity_exceeded'],
    ['cloneDisk', 'ENOSPC', 'insufficient_storage'],
    ['startVm', 'EIO', 'no_eligible_runtime_host'],
    ['greet', 'ETIMEDOUT', 'no_eligible_runtime_host'],
  ]
  test.each(waking)('in resume at the step %s: the machine stays paused, and resumes later', async (step, code, told) => {
    const id = await counting(world)
    const { body: saved } = await call(id, 'hibernate')
    world.hostFaults[step] = () => Promise.reject(error(code))
    expect((await call(id, 'resume')).body.code).toBe(told)
    delete world.hostFaults[step]
    expect((await world.call('GET', `/v1/machines/${id}`)).body).toMatchObject({ status: 'paused', snapshot_id: saved.id })
    expect(world.vms.vms.size).toBe(0)
    expect((await call(id, 'resume')).status).toBe(200)
    await until(
      () => world.call('GET', '/v1/snapshots'),
      ({ body }) => body.length === 0,
    )
    await expectUnharmed(id)
  })
})

describe('a VM that dies', () => {
  test('during the capture of a pause, a snapshot or a fork', async () => {
    const verbs = ['hibernate', 'snapshot', 'fork'] as const
    const ids: string[] = []
    for (const verb of verbs) {
      const id = await counting(world)
      world.faults.captureCopy = async () => world.vms.crash(id, `killed in a ${verb}`)
      expect((await call(id, verb)).body.code).toBe('no_eligible_runtime_host')
      ids.push(id)
    }
    const states = await until(
      async () => Promise.all(ids.map(async (id) => (await world.call('GET', `/v1/machines/${id}`)).body)),
      (machines) => machines.every((machine) => machine.status === 'error'),
      { withinMs: 10_000 },
    )
    expect(states.map((machine) => machine.error_reason)).toEqual(verbs.map((verb) => `killed in a ${verb}`))
    expect((await world.call('GET', '/v1/snapshots')).body).toEqual([])
  })

  test('right after it was saved by a pause: nothing is lost', async () => {
    const id = await counting(world)
    world.hostFaults.sealSnapshot = async () => world.vms.crash(id)
    expect((await call(id, 'hibernate')).status).toBe(200)
    delete world.hostFaults.sealSnapshot
    expect((await call(id, 'resume')).status).toBe(200)
    expect(await world.count(id)).toBe(2)
  })

  test('right after it was captured for a fork: the children are there, and it is an error', async () => {
    const id = await counting(world)
    world.hostFaults.sealSnapshot = async () => world.vms.crash(id)
    const { status, body } = await call(id, 'fork')
    delete world.hostFaults.sealSnapshot
    expect(status).toBe(201)
    expect(await world.count(body.id)).toBe(2)
    await until(
      () => world.call('GET', `/v1/machines/${id}`),
      ({ body: source }) => source.status === 'error',
      { withinMs: 10_000 },
    )
  })

  test('one child of a fork while it is greeted: no child is left, and the source goes on', async () => {
    const id = await counting(world)
    world.hostFaults.greet = async (child) => world.vms.crash(child ?? '')
    const answer = await world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 4 } })
    delete world.hostFaults.greet
    expect(answer.body.code).toBe('no_eligible_runtime_host')
    await expectUnharmed(id)
  })
})

test('an agent that starts anew during a capture harms nobody', async () => {
  const id = await counting(world)
  world.faults.captureCopy = async () => world.vms.restartAgent(id)
  const { status, body } = await call(id, 'fork')
  delete world.faults.captureCopy
  expect(status).toBe(201)
  expect(await world.count(body.id)).toBe(2)
  // A new daemon meets it as any other.
  await world.restart(hooks)
  expect(await world.count(id)).toBe(2)
})

test('what cannot be undone yet is undone later', async () => {
  const id = await counting(world)
  world.faults.captureCopy = () => Promise.reject(error('EIO'))
  world.faults.resume = () => Promise.reject(error('EIO'))
  expect((await call(id, 'hibernate')).body.code).toBe('no_eligible_runtime_host')
  delete world.faults.captureCopy
  delete world.faults.resume
  const { engine, lock } = world.daemon.app
  await engine.resume((keys, kind, work) => lock.tryRunAll(keys, kind, work))
  await expectUnharmed(id)
})

test.each(['hibernate', 'snapshot', 'fork'] as const)('a machine whose %s cannot be undone can be destroyed', async (verb) => {
  const id = await counting(world)
  world.faults.captureCopy = () => Promise.reject(error('EIO'))
  world.hostFaults.dropSnapshot = () => Promise.reject(error('EBUSY'))
  expect((await call(id, verb)).body.code).toBe('no_eligible_runtime_host')
  expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  delete world.faults.captureCopy
  delete world.hostFaults.dropSnapshot
  const { engine, lock } = world.daemon.app
  await engine.resume((keys, kind, work) => lock.tryRunAll(keys, kind, work))
  expect(await world.leftovers()).toEqual([])
  for (const table of ['machines', 'snapshots'] as const) expect(await world.db.selectFrom(table).selectAll().execute()).toEqual([])
  const { used } = (await world.call('GET', '/v1/quotas/me')).body
  expect(used).toEqual({ machines: 0, vcpus: 0, memory_mb: 0, snapshots: 0, disk_mb: 0 })
})

test('killed ten times in the middle of sixteen children', { timeout: 60_000 }, async () => {
  const id = await counting(world)
  const points = [forkWorkflow, branchWorkflow].flatMap(pointsOf)
  for (let round = 0; round < 10; round++) {
    const dead = set(points[(round * 7) % points.length]!) // within bounds
    void world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 16 } }).catch(() => {})
    await dead
    await world.restart(hooks)
  }
  expect(await world.count(id)).toBe(2)
  expect((await world.call('GET', '/v1/machines')).body).toHaveLength(1)
  const { status, body } = await world.call('POST', `/v1/machines/${id}/forks`, { body: { count: 16 } })
  expect(status).toBe(201)
  expect(new Set(await Promise.all(body.items.map((child: { id: string }) => world.count(child.id))))).toEqual(new Set([3]))
})

test('a destroy is refused while something else is at work, and goes through afterwards', async () => {
  for (const [workflow, verb] of [
    [hibernateWorkflow, 'hibernate'],
    [resumeWorkflow, 'resume'],
    [snapshotWorkflow, 'snapshot'],
    [forkWorkflow, 'fork'],
  ] as const) {
    const id = await counting(world)
    if (verb === 'resume') await call(id, 'hibernate')
    const gate = Promise.withResolvers<void>()
    const step = verb === 'resume' ? 'cloneDisk' : 'sealSnapshot'
    const arrived = Promise.withResolvers<void>()
    world.hostFaults[step] = () => {
      arrived.resolve()
      return gate.promise
    }
    const working = call(id, verb)
    await arrived.promise
    expect((await world.call('DELETE', `/v1/machines/${id}`)).body).toMatchObject({
      code: 'transition_in_progress',
      details: { operation: workflow.kind },
    })
    delete world.hostFaults[step]
    gate.resolve()
    expect((await working).status).toBeLessThan(300)
    expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  }
})
