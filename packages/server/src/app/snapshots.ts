// Snapshots as their owner takes, reads and deletes them.

import { AppError } from '@nullspace/contract/errors.ts'
import { snapshotIds, type SnapshotId } from '@nullspace/contract/ids.ts'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import { type Snapshot, snapshotOf } from '../domain/snapshot.ts'
import { insertOperation } from '../store/tables/operations.ts'
import { findSnapshot, insertSnapshot, listSnapshotRows, updateSnapshot } from '../store/tables/snapshots.ts'
import { newOperation } from '../workflows/engine.ts'
import { type DiscardState, discardWorkflow } from '../workflows/resume.ts'
import { type CopySnapshotState, copySnapshotWorkflow, type SnapshotState, snapshotWorkflow } from '../workflows/snapshot.ts'
import { admitSave } from './admission.ts'
import type { App } from './context.ts'
import { hostFailure } from './failures.ts'
import { keyed, type Keyed, madeBefore, once, remember } from './idempotency.ts'
import { busy, getMachine, refuseUnready, settledMachine } from './machines.ts'
import { refuseOverQuota } from './quotas.ts'

const MIB = 1024 * 1024

/** A running machine stands still for a moment and goes on; of a paused one, what it resumes from is copied. */
export async function createSnapshot(
  app: App,
  principal: Principal,
  machineId: string,
  idempotencyKey: string | undefined,
): Promise<Snapshot> {
  const request = keyed(idempotencyKey, 'createSnapshot', machineId)
  const make = async (): Promise<Snapshot> => {
    const machine = await settledMachine(app, principal, machineId)
    await admitSave(app, machine.shape)
    const id = snapshotIds.mint(app.random) as SnapshotId
    const work = app.lock.tryRunAll([machineId, id], 'snapshot', () => take(app, principal, machineId, id, request))
    if (!work) throw busy(app, machineId)
    return work
  }
  try {
    return await once(app, principal, request, { earlier: () => repeatOf(app, principal, request), make })
  } catch (error) {
    throw hostFailure(error, 'take the snapshot')
  }
}

async function take(app: App, principal: Principal, machineId: string, id: SnapshotId, request: Keyed): Promise<Snapshot> {
  // Read again: it may have changed before the lock was ours.
  const machine = await getMachine(app, principal, machineId)
  refuseUnready(machine, 'snapshot')
  const entry = operation(machine, id)
  const now = app.clock.now()
  await app.db.transaction().execute(async (tx) => {
    // What it will take is known afterwards; it may be all of the machine's memory.
    await refuseOverQuota(app, tx, machine.ownerId, { snapshots: 1, disk_mb: machine.shape.memoryMb })
    await remember(tx, principal, request, [id], now)
    await insertSnapshot(tx, { ...snapshotOf(machine, id, 'reusable', now), sizeBytes: machine.shape.memoryMb * MIB })
    await insertOperation(tx, entry, now)
    const about = { ownerId: machine.ownerId, actor: 'user', machineId, snapshotId: id, metadata: machine.metadata } as const
    await app.outbox.emit(tx, { ...about, operation: 'snapshot_created', status: 'requested' })
  })
  await app.engine.run(entry)
  return theSnapshot(app, id)
}

function operation(machine: Machine, id: SnapshotId) {
  if (machine.snapshotId === null) return newOperation<SnapshotState>(snapshotWorkflow.kind, { subject: machine.id, snapshotId: id })
  return newOperation<CopySnapshotState>(copySnapshotWorkflow.kind, { subject: machine.id, snapshotId: id, from: machine.snapshotId })
}

export function listSnapshots(
  app: App,
  principal: Principal,
  filter: { machineId?: string | undefined; metadata?: Readonly<Record<string, unknown>> | undefined },
): Promise<Snapshot[]> {
  return listSnapshotRows(app.db, { ownerId: principal.ownerId, ...filter })
}

export async function getSnapshot(app: App, principal: Principal, id: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(app.db, id)
  const shown = snapshot?.state === 'ready' && snapshot.kind !== 'branch' && snapshot.ownerId === principal.ownerId
  if (!shown) throw noSnapshot(id)
  return snapshot
}

/** From the answer on it is gone for everyone. Machines that were made from it have what they need. */
export async function deleteSnapshot(app: App, principal: Principal, id: string): Promise<void> {
  const snapshot = await getSnapshot(app, principal, id)
  if (snapshot.kind === 'pause') {
    throw new AppError('snapshot_in_use', {
      say: `Snapshot ${id} is what machine ${snapshot.machineId} resumes from; it goes when that is resumed or destroyed.`,
      details: { machine_id: snapshot.machineId },
    })
  }
  if (app.snapshotUses.inUse(id)) throw new AppError('snapshot_in_use', { say: `A machine is being made from snapshot ${id} right now.` })
  const work = app.lock.tryRun(id, 'delete', async () => {
    const entry = newOperation<DiscardState>(discardWorkflow.kind, { subject: id })
    await app.db.transaction().execute(async (tx) => {
      await updateSnapshot(tx, id, { state: 'deleting' })
      await insertOperation(tx, entry, app.clock.now())
    })
    await app.engine.finish(entry)
  })
  if (!work)
    throw new AppError('snapshot_in_use', { say: `Snapshot ${id} is being worked on: ${app.lock.holder(id) ?? 'something else'}.` })
  await work
}

/** One that machines may be made from. */
export async function reusableSnapshot(app: App, principal: Principal, id: string): Promise<Snapshot> {
  const snapshot = await getSnapshot(app, principal, id)
  if (snapshot.kind === 'reusable') return snapshot
  throw new AppError('invalid_request', {
    say: `snapshot_id: ${id} is the saved state of paused machine ${snapshot.machineId}; resume that, or take a reusable snapshot of it.`,
    details: { field: 'snapshot_id', machine_id: snapshot.machineId },
  })
}

async function repeatOf(app: App, principal: Principal, request: Keyed): Promise<Snapshot | null> {
  const made = await madeBefore(app, principal, request)
  const id = made?.[0]
  if (id === undefined) return null
  const snapshot = await findSnapshot(app.db, id)
  if (snapshot?.state === 'creating') {
    throw new AppError('transition_in_progress', { say: 'The first request under this key is being undone; repeat it in a moment.' })
  }
  if (snapshot?.state !== 'ready') {
    throw new AppError('snapshot_not_found', { say: 'The snapshot of this Idempotency-Key was deleted; use a new key for another.' })
  }
  return snapshot
}

async function theSnapshot(app: App, id: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(app.db, id)
  if (!snapshot) throw noSnapshot(id)
  return snapshot
}

export function noSnapshot(id: string): AppError {
  return new AppError('snapshot_not_found', { say: `There is no snapshot ${id.slice(0, 80)}.` })
}
