// The laws of reusable snapshots and of forks: the machine that they are taken of is never worse off.

import { expect } from 'vitest'
import { insertNew } from '../src/app/create.ts'
import { childOf } from '../src/app/new-machine.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { silentLogger } from '../src/observe/logger.ts'
import { deleteOperation } from '../src/store/tables/operations.ts'
import type { WorkflowContext } from '../src/workflows/context.ts'
import { newOperation, WorkflowEngine } from '../src/workflows/engine.ts'
import { type BranchState, branchWorkflow, type ForkState, forkWorkflow } from '../src/workflows/fork.ts'
import { discardWorkflow } from '../src/workflows/resume.ts'
import { type CopySnapshotState, copySnapshotWorkflow, type SnapshotState, snapshotWorkflow } from '../src/workflows/snapshot.ts'
import { contextOf, counting, expectedSnapshot, theRow, useGround } from './ground.ts'
import { describeWorkflow } from './laws.ts'
import type { World } from './world.ts'

const ground = useGround()

/** Machines made from it go on from where its source was. */
const expectUsable = async (world: World, snapshotId: string): Promise<void> => {
  expect((await world.call('GET', `/v1/snapshots/${snapshotId}`)).body.size_bytes).toBeGreaterThan(0)
  const { id } = await world.machine({ snapshot_id: snapshotId })
  expect(await world.count(id)).toBe(2)
}

describeWorkflow<SnapshotState>(
  snapshotWorkflow,
  ground<SnapshotState>({
    prepare: counting,
    begin: async (world, id) => ({ subject: id, snapshotId: await expectedSnapshot(world, id, 'reusable') }),
    async expectDone(world, { snapshotId }, id) {
      await expectUsable(world, snapshotId)
      expect(await world.count(id)).toBe(2)
    },
  }),
)

describeWorkflow<CopySnapshotState>(
  copySnapshotWorkflow,
  ground<CopySnapshotState>({
    async prepare(world) {
      const id = await counting(world)
      await world.call('POST', `/v1/machines/${id}/hibernate`)
      return id
    },
    async begin(world, id) {
      const { snapshotId: from } = await theRow(world, id)
      if (from === null) throw new Error('it is not paused')
      return { subject: id, from, snapshotId: await expectedSnapshot(world, id, 'reusable') }
    },
    async expectDone(world, { snapshotId }, id) {
      await expectUsable(world, snapshotId)
      expect((await world.call('POST', `/v1/machines/${id}/resume`)).status).toBe(200)
      expect(await world.count(id)).toBe(2)
    },
  }),
)

const forking = async (world: World, id: string): Promise<ForkState> => {
  const source = await theRow(world, id)
  const children = [1, 2, 3].map(() => childOf(world.daemon.app, source))
  await world.db.transaction().execute(async (tx) => {
    for (const child of children) await insertNew(tx, child, 'fork')
  })
  return { subject: id, snapshotId: await expectedSnapshot(world, id, 'branch'), children: children.map((child) => child.id) }
}

const expectFamily = async (world: World, id: string, children: readonly string[]): Promise<void> => {
  for (const machine of [id, ...children]) expect(await world.count(machine)).toBe(2)
  expect(world.vms.vms.size).toBe(1 + children.length)
}

describeWorkflow<ForkState>(
  forkWorkflow,
  ground<ForkState>({
    prepare: counting,
    begin: forking,
    // What follows is finished with it: only the children of that are left to look at.
    expectDone: (world, { children }, id) => expectFamily(world, id, children),
  }),
  [branchWorkflow, discardWorkflow],
)

describeWorkflow<BranchState>(
  branchWorkflow,
  ground<BranchState>({
    prepare: counting,
    async begin(world, id) {
      const deps = { db: world.db, clock: world.clock, log: silentLogger(), metrics: createMetrics() }
      const engine = new WorkflowEngine<WorkflowContext>(deps, contextOf(world), [forkWorkflow])
      const next = await engine.run(newOperation(forkWorkflow.kind, await forking(world, id)))
      if (!next) throw new Error('nothing follows a fork')
      await deleteOperation(world.db, next.id)
      return next.state as unknown as BranchState
    },
    async expectDone(world, { children }, id) {
      await expectFamily(world, id, children)
      expect(await world.db.selectFrom('snapshots').selectAll().execute()).toEqual([])
    },
  }),
  [discardWorkflow],
)
