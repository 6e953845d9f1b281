// The end of a machine, whoever asks for it: its owner, its deadline, or the death of its VM.

import type { ActorKind } from '@nullspace/contract/events.ts'
import { isLegal } from '@nullspace/contract/states.ts'
import type { Machine } from '../domain/machine.ts'
import type { Tx } from '../store/db.ts'
import type { Principal } from '../domain/principal.ts'
import { findMachine, updateMachine } from '../store/tables/machines.ts'
import { insertOperation, type Operation } from '../store/tables/operations.ts'
import { newOperation } from '../workflows/engine.ts'
import { type DestroyState, destroyWorkflow, failWorkflow, type FailState } from '../workflows/teardown.ts'
import type { App } from './context.ts'
import { busy, noMachine, settledMachine } from './machines.ts'

/** From the first answer on the machine is gone for everyone, though its last remains may still be being removed. */
export async function destroyMachine(app: App, principal: Principal, id: string): Promise<void> {
  // Its VM's death is being dealt with: that ends by itself, and soon.
  await app.lock.inFlight(id, 'fail')
  const machine = app.lock.inFlight(id, 'destroy') ? await findMachine(app.db, id) : await settledMachine(app, principal, id)
  if (machine?.ownerId !== principal.ownerId) throw noMachine(id)
  const joined = app.lock.inFlight(id, 'destroy')
  const work = joined ?? tryDestroy(app, machine)
  if (!work) throw busy(app, id)
  await work
  // What was joined may have been a deadline that was put off in that moment.
  const left = joined && (await findMachine(app.db, id))
  if (left && left.state !== 'destroyed') await destroyMachine(app, principal, id)
}

/** For what happens because a time is over; asked again under the lock, for the time may have begun anew. */
export interface Due {
  readonly reason: string
  readonly isDue: (now: Machine) => boolean
  /** An earlier try was told of; this one is not news. */
  readonly told?: boolean
}

/** Null at once when something else is changing the machine. `due` when nobody asked for it. */
export function tryDestroy(app: App, machine: Machine, due?: Due): Promise<void> | null {
  if (!isLegal('destroy', machine.state)) return Promise.resolve()
  const actor: ActorKind = due === undefined ? 'user' : 'system'
  return app.lock.tryRun(machine.id, 'destroy', async () => {
    const now = await findMachine(app.db, machine.id)
    if (!now || due?.isDue(now) === false) return
    const { id, ownerId, slot, snapshotId, metadata } = now
    const entry = newOperation<DestroyState>(destroyWorkflow.kind, { subject: id, slot, snapshotId, actor })
    await retire(app, entry, async (tx) => {
      await updateMachine(tx, id, { state: 'destroyed' })
      const about = { ownerId, actor, machineId: id, metadata, reason: due?.reason }
      if (due && !due.told) await app.outbox.emit(tx, { ...about, operation: 'timeout_expired', status: 'succeeded' })
      await app.outbox.emit(tx, { ...about, operation: 'destroy', status: 'requested' })
    })
  })
}

/** For a machine whose VM is gone. Null at once when something else is changing it. */
export function tryFail(app: App, machine: Machine, reason: string): Promise<void> | null {
  return app.lock.tryRun(machine.id, 'fail', async () => {
    const now = await findMachine(app.db, machine.id)
    if (now?.state !== 'running') return
    app.metrics.machineFailures.inc()
    app.log.warn({ machine: machine.id, reason }, 'machine failed')
    const entry = newOperation<FailState>(failWorkflow.kind, { subject: machine.id, slot: now.slot, reason })
    await retire(app, entry, async (tx) => {
      await updateMachine(tx, machine.id, { state: 'error', errorReason: reason })
      const error = { code: 'machine_failed', message: reason }
      const about = { ownerId: now.ownerId, actor: 'reconcile', machineId: machine.id, metadata: now.metadata, reason, error } as const
      await app.outbox.emit(tx, { ...about, operation: 'reconcile', status: 'failed' })
    })
  })
}

/** Intent and journal entry in one transaction; a take-down that fails then is finished by the reconciler. */
async function retire(app: App, entry: Operation, mark: (tx: Tx) => Promise<unknown>): Promise<void> {
  await app.db.transaction().execute(async (tx) => {
    await mark(tx)
    await app.engine.giveWay(tx, entry.subject)
    await insertOperation(tx, entry, app.clock.now())
  })
  await app.engine.finish(entry)
}
