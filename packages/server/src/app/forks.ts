// Fork: children that go on from a machine's live memory.

import { snapshotIds, type SnapshotId } from '@nullspace/contract/ids.ts'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import { snapshotOf } from '../domain/snapshot.ts'
import { findMachine } from '../store/tables/machines.ts'
import { insertOperation, type Operation } from '../store/tables/operations.ts'
import { insertSnapshot } from '../store/tables/snapshots.ts'
import { newOperation } from '../workflows/engine.ts'
import { type ForkState, forkWorkflow } from '../workflows/fork.ts'
import { admit, admitSave } from './admission.ts'
import type { App } from './context.ts'
import { insertNew, theRepeated } from './create.ts'
import { hostFailure } from './failures.ts'
import { keyed, type Keyed, madeBefore, once, remember } from './idempotency.ts'
import { busy, getMachine, noMachine, refuseUnready } from './machines.ts'
import { childOf } from './new-machine.ts'
import { refuseOverQuota } from './quotas.ts'

export interface ForkRequest {
  readonly count: number
  readonly idempotencyKey: string | undefined
}

/** All children come from one stop of the source, and all are there, or none. */
export async function forkMachine(
  app: App,
  principal: Principal,
  sourceId: string,
  { count, idempotencyKey }: ForkRequest,
): Promise<Machine[]> {
  const request = keyed(idempotencyKey, 'forkMachine', sourceId, count)
  const make = async (): Promise<Machine[]> => {
    const source = await getMachine(app, principal, sourceId)
    refuseUnready(source, 'fork')
    await admit(app, source.shape, { count })
    await admitSave(app, source.shape)
    const children = Array.from({ length: count }, () => childOf(app, source))
    const snapshotId = snapshotIds.mint(app.random) as SnapshotId
    const keys = [snapshotId, ...children.map(({ id }) => id)]
    // The children are nobody else's until they are all there; the source is free again as soon as it was captured.
    const work = app.lock.tryRunAll(keys, 'fork', async () => {
      const captured = app.lock.tryRun(sourceId, 'fork', () => branch(app, principal, { sourceId, snapshotId, children, request }))
      if (!captured) throw busy(app, sourceId)
      const next = await captured
      return next && app.engine.run(next)
    })
    if (!work) throw new Error('a new id was taken')
    const rest = await work
    // What is left to do is not waited for: the children run.
    if (rest) void app.lock.tryRun(rest.subject, rest.kind, () => app.engine.finish(rest))
    return Promise.all(children.map(({ id }) => theChild(app, id)))
  }
  try {
    return await once(app, principal, request, { earlier: () => repeatOf(app, principal, request), make })
  } catch (error) {
    throw hostFailure(error, 'fork the machine')
  }
}

interface Branching {
  readonly sourceId: string
  readonly snapshotId: SnapshotId
  readonly children: readonly Machine[]
  readonly request: Keyed
}

/** The part for which the source is held. Returns what is to be done with what was captured. */
async function branch(app: App, principal: Principal, { sourceId, snapshotId, children, request }: Branching): Promise<Operation | null> {
  const source = await getMachine(app, principal, sourceId)
  refuseUnready(source, 'fork')
  const { shape, diskMb, ownerId } = source
  const now = app.clock.now()
  const ids = children.map(({ id }) => id)
  const entry = newOperation<ForkState>(forkWorkflow.kind, { subject: sourceId, snapshotId, children: ids })
  await app.db.transaction().execute(async (tx) => {
    const count = children.length
    await admit(app, shape, { count, tx })
    await refuseOverQuota(app, tx, ownerId, {
      machines: count,
      vcpus: count * shape.vcpus,
      memory_mb: count * shape.memoryMb,
      disk_mb: count * diskMb,
    })
    await remember(tx, principal, request, ids, now)
    await insertSnapshot(tx, snapshotOf(source, snapshotId, 'branch', now))
    await insertOperation(tx, entry, now)
    for (const child of children) {
      await insertNew(tx, child, 'fork')
      const about = { ownerId, actor: 'user', machineId: sourceId, sourceMachineId: sourceId, targetMachineId: child.id } as const
      await app.outbox.emit(tx, { ...about, operation: 'fork', status: 'requested', metadata: child.metadata })
    }
  })
  return app.engine.run(entry)
}

async function repeatOf(app: App, principal: Principal, request: Keyed): Promise<Machine[] | null> {
  const made = await madeBefore(app, principal, request)
  return made && Promise.all(made.map((id) => theRepeated(app, id)))
}

async function theChild(app: App, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine) throw noMachine(id)
  return machine
}
