// The laws of pause and resume, each with what follows it.

import { expect } from 'vitest'
import { deleteOperation } from '../src/store/tables/operations.ts'
import { updateSnapshot } from '../src/store/tables/snapshots.ts'
import { newOperation, WorkflowEngine } from '../src/workflows/engine.ts'
import type { WorkflowContext } from '../src/workflows/context.ts'
import { type HibernateState, hibernateWorkflow, parkWorkflow } from '../src/workflows/hibernate.ts'
import { type DiscardState, discardWorkflow, type ResumeState, resumeWorkflow } from '../src/workflows/resume.ts'
import type { TeardownState } from '../src/workflows/teardown.ts'
import { contextOf, counting, expectedSnapshot, theRow, useGround } from './ground.ts'
import { describeWorkflow } from './laws.ts'
import type { World } from './world.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { silentLogger } from '../src/observe/logger.ts'

const ground = useGround()

const expectPaused = async (world: World, id: string): Promise<void> => {
  expect(await theRow(world, id)).toMatchObject({ state: 'paused', timeoutAt: null, slot: null, vmHandle: null })
  expect(world.vms.vms.size).toBe(0)
  expect((await world.call('POST', `/v1/machines/${id}/resume`)).status).toBe(200)
  expect(await world.count(id)).toBe(2)
}

const pausing = async (world: World, id: string): Promise<HibernateState> => ({
  subject: id,
  snapshotId: await expectedSnapshot(world, id, 'pause'),
  actor: 'user',
})

describeWorkflow<HibernateState>(
  hibernateWorkflow,
  ground<HibernateState>({
    prepare: counting,
    begin: pausing,
    expectDone: (world, { subject }) => expectPaused(world, subject),
  }),
  [parkWorkflow],
)

describeWorkflow<TeardownState>(
  parkWorkflow,
  ground<TeardownState>({
    prepare: counting,
    async begin(world, id) {
      const deps = { db: world.db, clock: world.clock, log: silentLogger(), metrics: createMetrics() }
      const engine = new WorkflowEngine<WorkflowContext>(deps, contextOf(world), [hibernateWorkflow])
      const next = await engine.run(newOperation(hibernateWorkflow.kind, await pausing(world, id)))
      if (!next) throw new Error('nothing follows a pause')
      await deleteOperation(world.db, next.id)
      return next.state as unknown as TeardownState
    },
    expectDone: (world, { subject }) => expectPaused(world, subject),
  }),
)

describeWorkflow<ResumeState>(
  resumeWorkflow,
  ground<ResumeState>({
    async prepare(world) {
      const id = await counting(world)
      await world.call('POST', `/v1/machines/${id}/hibernate`)
      return id
    },
    async begin(world, id) {
      const { snapshotId } = await theRow(world, id)
      return { subject: id, snapshotId: snapshotId ?? '', actor: 'user' }
    },
    async expectDone(world, { subject, snapshotId }) {
      expect(await theRow(world, subject)).toMatchObject({ state: 'running', snapshotId: null, pausedAt: null })
      expect(await world.count(subject)).toBe(2)
      expect((await world.call('GET', `/v1/snapshots/${snapshotId}`)).status).toBe(404)
      expect((await world.leftovers()).filter((trace) => trace.includes('snap_'))).toEqual([])
    },
  }),
  [discardWorkflow],
)

describeWorkflow<DiscardState>(
  discardWorkflow,
  ground<DiscardState>({
    prepare: counting,
    async begin(world, id) {
      const snapshot = (await world.call('POST', `/v1/machines/${id}/snapshots`)).body.id
      await updateSnapshot(world.db, snapshot, { state: 'deleting' })
      return { subject: snapshot }
    },
    async expectDone(world, _state, id) {
      expect(await world.db.selectFrom('snapshots').selectAll().execute()).toEqual([])
      expect((await world.leftovers()).filter((trace) => trace.includes('snap_'))).toEqual([])
      expect(await world.count(id)).toBe(2)
    },
  }),
)
