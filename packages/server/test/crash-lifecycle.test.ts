// The daemon dies at every step of what happens between create and destroy. The next one finds every machine and snapshot
// that was acknowledged, in working order and with its memory, and nothing else.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorkflow } from '../src/workflows/create.ts'
import { branchWorkflow, forkWorkflow } from '../src/workflows/fork.ts'
import { hibernateWorkflow, parkWorkflow } from '../src/workflows/hibernate.ts'
import { discardWorkflow, resumeWorkflow } from '../src/workflows/resume.ts'
import { copySnapshotWorkflow, snapshotWorkflow } from '../src/workflows/snapshot.ts'
import { destroyWorkflow, failWorkflow } from '../src/workflows/teardown.ts'
import { nameOf, pointsOf, trap } from './crash-points.ts'
import { clearOut, counting } from './ground.ts'
import { createWorld, type World } from './world.ts'

type Status = 'running' | 'paused' | 'gone' | 'error'

interface Case {
  readonly workflow: Parameters<typeof pointsOf>[0]
  readonly from: 'running' | 'paused'
  /** Begins it; the answer never comes. `given` is a reusable snapshot of the machine, taken before. */
  readonly verb: (world: World, id: string, given: string) => unknown
  /** What the machine is afterwards. */
  readonly becomes: Status
}

const post = (path: string, body?: unknown) => (world: World, id: string) => world.call('POST', `/v1/machines/${id}/${path}`, { body })
const hibernate = post('hibernate')
const resume = post('resume')

const CASES: readonly Case[] = [
  { workflow: hibernateWorkflow, from: 'running', verb: hibernate, becomes: 'running' },
  { workflow: parkWorkflow, from: 'running', verb: hibernate, becomes: 'paused' },
  { workflow: resumeWorkflow, from: 'paused', verb: resume, becomes: 'paused' },
  { workflow: discardWorkflow, from: 'paused', verb: resume, becomes: 'running' },
  { workflow: snapshotWorkflow, from: 'running', verb: post('snapshots'), becomes: 'running' },
  { workflow: copySnapshotWorkflow, from: 'paused', verb: post('snapshots'), becomes: 'paused' },
  { workflow: forkWorkflow, from: 'running', verb: post('forks', { count: 3 }), becomes: 'running' },
  { workflow: branchWorkflow, from: 'running', verb: post('forks', { count: 3 }), becomes: 'running' },
  { workflow: destroyWorkflow, from: 'paused', verb: (world, id) => world.call('DELETE', `/v1/machines/${id}`), becomes: 'gone' },
  { workflow: failWorkflow, from: 'running', verb: (world, id) => world.vms.crash(id), becomes: 'error' },
  {
    workflow: createWorkflow,
    from: 'running',
    verb: (world, _id, given) => world.call('POST', '/v1/machines', { body: { snapshot_id: given } }),
    becomes: 'running',
  },
]

const { hooks, set } = trap()
let world: World
beforeAll(async () => {
  world = await createWorld({ hooks })
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(CASES)('killed in $workflow.kind', ({ workflow, from, verb, becomes }) => {
  test.each(pointsOf(workflow).map((point) => [nameOf(point), point] as const))('%s', async (_name, point) => {
    const [id, bystander] = [await counting(world), await counting(world)]
    const given: string = (await world.call('POST', `/v1/machines/${id}/snapshots`)).body.id
    if (from === 'paused') expect((await hibernate(world, id)).status).toBe(200)
    const dead = set(point)
    void Promise.resolve(verb(world, id, given)).catch(() => {})
    await dead
    await world.restart(hooks)
    await expectOnly({ id, status: becomes, bystander, given })
    await clearOut(world)
  })
})

/** The two machines and the snapshot are there, each with what it remembers, and nothing else is. */
async function expectOnly({ id, status, bystander, given }: { id: string; status: Status; bystander: string; given: string }) {
  const { body } = await world.call('GET', '/v1/machines')
  const found = Object.fromEntries(body.map((machine: { id: string; status: string }) => [machine.id, machine.status]))
  expect(found).toEqual({ [bystander]: 'running', ...(status === 'gone' ? {} : { [id]: status }) })
  const traces = (await world.leftovers()).filter((trace) => !trace.includes(bystander) && !trace.includes(given))
  const paused = status === 'paused' ? ((await world.call('GET', `/v1/machines/${id}`)).body.snapshot_id as string) : null
  expect(traces.filter((trace) => !trace.startsWith('slot')).toSorted()).toEqual(
    {
      gone: [],
      error: [],
      running: [`data/pool/machines/${id}`, `run/vm/${id}`, `vm ${id}`],
      paused: [`data/pool/snapshots/${paused}`],
    }[status],
  )
  expect(traces.filter((trace) => trace.startsWith('slot'))).toHaveLength(status === 'running' ? 2 : 1)

  const snapshots = (await world.call('GET', '/v1/snapshots')).body.map((snapshot: { id: string }) => snapshot.id)
  expect(snapshots.toSorted()).toEqual([given, ...(paused === null ? [] : [paused])].toSorted())
  if (status === 'paused') expect((await resume(world, id)).status).toBe(200)
  if (status === 'paused' || status === 'running') expect(await world.count(id)).toBe(2)
  expect(await world.count(bystander)).toBe(2)
  expect(await world.count((await world.machine({ snapshot_id: given })).id)).toBe(2)
}
