// Pause, asked for by the owner or by a deadline.

import type { ActorKind } from '@nullspace/contract/events.ts'
import { snapshotIds, type SnapshotId } from '@nullspace/contract/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { type Snapshot, snapshotOf } from '../domain/snapshot.ts'
import { findMachine } from '../store/tables/machines.ts'
import { insertOperation } from '../store/tables/operations.ts'
import { findSnapshot, insertSnapshot } from '../store/tables/snapshots.ts'
import { newOperation } from '../workflows/engine.ts'
import { type HibernateState, hibernateWorkflow } from '../workflows/hibernate.ts'
import { admitSave } from './admission.ts'
import type { App } from './context.ts'
import type { Due } from './destroy.ts'
import { hostFailure } from './failures.ts'
import { busy, getMachine, refuseUnready } from './machines.ts'

export async function hibernateMachine(app: App, principal: Principal, id: string): Promise<Snapshot> {
  try {
    for (;;) {
      const machine = await getMachine(app, principal, id)
      if (machine.state === 'running') await admitSave(app, machine.shape)
      // Two that want the same get the same.
      const work = app.lock.inFlight(id, 'hibernate') ?? tryHibernate(app, id, { actor: 'user' })
      if (!work) throw busy(app, id)
      const snapshot = (await work) as Snapshot | null | undefined
      if (snapshot) return snapshot
      // What was joined was a deadline that was put off in that moment, or the undoing of an earlier pause.
    }
  } catch (error) {
    throw hostFailure(error, 'pause the machine')
  }
}

/** Null at once when something else is changing it. Rejects when it does not run any more; comes to nothing when it is not due. */
export function tryHibernate(
  app: App,
  machineId: string,
  { actor, due }: { actor: ActorKind; due?: Due },
): Promise<Snapshot | null> | null {
  return app.lock.tryRun(machineId, 'hibernate', async () => {
    const machine = await findMachine(app.db, machineId)
    if (!machine || due?.isDue(machine) === false) return null
    refuseUnready(machine, 'hibernate')
    await admitSave(app, machine.shape)
    const id = snapshotIds.mint(app.random) as SnapshotId
    const now = app.clock.now()
    const entry = newOperation<HibernateState>(hibernateWorkflow.kind, { subject: machineId, snapshotId: id, actor })
    const about = { ownerId: machine.ownerId, actor, machineId, metadata: machine.metadata, reason: due?.reason }
    await app.db.transaction().execute(async (tx) => {
      await insertSnapshot(tx, snapshotOf(machine, id, 'pause', now))
      await insertOperation(tx, entry, now)
      if (due && !due.told) await app.outbox.emit(tx, { ...about, operation: 'timeout_expired', status: 'succeeded' })
      await app.outbox.emit(tx, { ...about, operation: 'hibernate', status: 'requested', snapshotId: id })
    })
    await app.engine.finish(await app.engine.run(entry))
    return findSnapshot(app.db, id)
  })
}
