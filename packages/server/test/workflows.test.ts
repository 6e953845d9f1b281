// The laws of create, destroy and fail.

import { expect } from 'vitest'
import type { Machine } from '../src/domain/machine.ts'
import { insertNew } from '../src/app/create.ts'
import { findMachine, insertMachine, updateMachine } from '../src/store/tables/machines.ts'
import { createWorkflow, type CreateState } from '../src/workflows/create.ts'
import { destroyWorkflow, failWorkflow, type DestroyState, type FailState } from '../src/workflows/teardown.ts'
import { counting, newMachineId, theRow, useGround } from './ground.ts'
import { describeWorkflow } from './laws.ts'
import type { World } from './world.ts'

const ground = useGround()

const onRequest = (world: World): Machine => ({
  id: newMachineId(),
  ownerId: world.key.ownerId,
  state: 'creating',
  shape: { template: 'base', vcpus: 1, memoryMb: 256 },
  diskMb: 4096,
  cwd: '/workspace',
  envs: {},
  metadata: {},
  internetAccess: true,
  timeoutMs: 60_000,
  timeoutAction: 'destroy',
  timeoutAt: null,
  createdAt: world.clock.now(),
  startedAt: null,
  lastActiveAt: null,
  errorReason: null,
  slot: null,
  vmHandle: null,
  autoResume: false,
  ephemeral: false,
  inactivityTimeoutMs: null,
  autoDeleteAfterMs: null,
  pausedAt: null,
  snapshotId: null,
  parentMachineId: null,
  sourceSnapshotId: null,
})

describeWorkflow<CreateState>(
  createWorkflow,
  ground<CreateState>({
    prepare: async () => null,
    async begin(world) {
      const machine = onRequest(world)
      await insertMachine(world.db, machine)
      return { subject: machine.id, source: { kind: 'template' } }
    },
    async expectDone(world, { subject }) {
      const timeoutAt = world.clock.now() + 60_000
      expect(await theRow(world, subject)).toMatchObject({ state: 'running', vmHandle: expect.stringContaining(subject), timeoutAt })
      expect([...world.vms.vms.keys()]).toEqual([subject])
    },
  }),
)

describeWorkflow<CreateState>(
  { ...createWorkflow, kind: 'create from a snapshot' },
  ground<CreateState>({
    async prepare(world) {
      const id = await counting(world)
      await world.call('POST', `/v1/machines/${id}/snapshots`)
      return id
    },
    async begin(world, id) {
      const [{ id: snapshot }] = (await world.call('GET', '/v1/snapshots')).body
      const machine = { ...onRequest(world), parentMachineId: (await theRow(world, id)).id, sourceSnapshotId: snapshot }
      await world.db.transaction().execute((tx) => insertNew(tx, machine, 'snapshot'))
      return { subject: machine.id, source: { kind: 'snapshot', id: snapshot } }
    },
    async expectDone(world, { subject }, id) {
      expect(await world.count(subject)).toBe(2)
      expect(await world.count(id)).toBe(2)
    },
  }),
)

const nothingButJournal = async (world: World): Promise<string[]> =>
  (await world.leftovers()).filter((trace) => !trace.startsWith('journal'))

const gone = async (world: World): Promise<void> => {
  expect(await nothingButJournal(world)).toEqual([])
  for (const table of ['machines', 'snapshots'] as const) expect(await world.db.selectFrom(table).selectAll().execute()).toEqual([])
}

describeWorkflow<DestroyState>(
  destroyWorkflow,
  ground<DestroyState>({
    prepare: counting,
    async begin(world, id) {
      const { slot } = await theRow(world, id)
      await updateMachine(world.db, id, { state: 'destroyed' })
      return { subject: id, slot, snapshotId: null, actor: 'user' }
    },
    expectDone: gone,
  }),
)

describeWorkflow<DestroyState>(
  { ...destroyWorkflow, kind: 'destroy of a paused machine' },
  ground<DestroyState>({
    prepare: counting,
    async begin(world, id) {
      const snapshotId = (await world.call('POST', `/v1/machines/${id}/hibernate`)).body.id
      await updateMachine(world.db, id, { state: 'destroyed' })
      return { subject: id, slot: null, snapshotId, actor: 'user' }
    },
    expectDone: gone,
  }),
)

describeWorkflow<FailState>(
  failWorkflow,
  ground<FailState>({
    prepare: counting,
    async begin(world, id) {
      const { slot } = await theRow(world, id)
      await updateMachine(world.db, id, { state: 'error' })
      return { subject: id, slot, reason: 'it fell over' }
    },
    async expectDone(world, { subject }) {
      expect(await nothingButJournal(world)).toEqual([])
      const ended = { state: 'error', errorReason: 'it fell over', vmHandle: null, slot: null }
      expect(await findMachine(world.db, subject)).toMatchObject(ended)
    },
  }),
)
