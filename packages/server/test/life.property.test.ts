// Random lives of machines against a model: verbs, deaths of VMs and of the daemon, and time. Whatever happens, what was
// acknowledged is there, and what was not asked for is not.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { createWorld, type World } from './world.ts'

type Expected = 'running' | 'error'
interface Model {
  /** Live machines by id, in order of creation, with their deadline. */
  readonly machines: Map<string, { state: Expected; deadline: number }>
}

type Act = (model: Model, world: World, pick: number) => Promise<void>

const LIFE_MS = 60_000
const pickOne = (model: Model, pick: number): string | undefined => [...model.machines.keys()][pick % Math.max(1, model.machines.size)]

const acts: Record<string, Act> = {
  async create(model, world) {
    if (model.machines.size >= 6) return
    const { id } = await world.machine({ timeout_ms: LIFE_MS })
    model.machines.set(id, { state: 'running', deadline: world.clock.now() + LIFE_MS })
  },
  async destroy(model, world, pick) {
    const id = pickOne(model, pick)
    if (!id) return
    expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
    model.machines.delete(id)
  },
  async exec(model, world, pick) {
    const id = pickOne(model, pick)
    if (!id) return
    const { status, body } = await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'true' } })
    expect(body).toMatchObject(model.machines.get(id)?.state === 'running' ? { exit_code: 0 } : { code: 'machine_not_ready' })
    expect(status).toBe(model.machines.get(id)?.state === 'running' ? 200 : 409)
  },
  async killVm(model, world, pick) {
    const id = pickOne(model, pick)
    const machine = id === undefined ? undefined : model.machines.get(id)
    if (!id || machine?.state !== 'running') return
    world.vms.crash(id)
    machine.state = 'error'
    await settled(model, world)
  },
  async killDaemon(_model, world) {
    world.crash()
    await world.restart()
  },
  async passTime(model, world, pick) {
    world.clock.step((pick % 4) * 12_000)
    for (const [id, { deadline }] of model.machines) if (deadline <= world.clock.now()) model.machines.delete(id)
    await settled(model, world)
  },
}

/** The daemon's view comes to be the model's, and the host holds a VM for each running machine and for nothing else. */
async function settled(model: Model, world: World): Promise<void> {
  const wanted = [...model.machines].map(([id, { state }]) => `${id} ${state}`).toSorted()
  const running = [...model.machines]
    .filter(([, { state }]) => state === 'running')
    .map(([id]) => id)
    .toSorted()
  await until(
    async () => ({
      machines: (await world.call('GET', '/v1/machines')).body
        .map((machine: { id: string; status: string }) => `${machine.id} ${machine.status}`)
        .toSorted(),
      vms: [...world.vms.vms.keys()].toSorted(),
    }),
    (seen) => JSON.stringify(seen) === JSON.stringify({ machines: wanted, vms: running }),
    { what: `the world becomes ${wanted.join(', ') || 'empty'}`, withinMs: 10_000 },
  )
}

test('random lives', { timeout: 120_000 }, async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...Object.keys(acts)), fc.nat(1000)), { minLength: 5, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      await using world = await createWorld()
      const model: Model = { machines: new Map() }
      for (const [name, pick] of script) await acts[name]?.(model, world, pick)
      await settled(model, world)
      for (const id of model.machines.keys()) await world.call('DELETE', `/v1/machines/${id}`)
      expect(await world.leftovers()).toEqual([])
    }),
    { numRuns: 25, endOnFailure: true },
  )
})
