// The end of a machine, whoever asks for it: its owner, its deadline, or the death of its VM.

import { AppError } from '@nullspace/contract/errors.ts'
import { isLegal } from '@nullspace/contract/states.ts'
import type { Machine } from '../domain/machine.ts'
import type { Tx } from '../store/db.ts'
import type { Principal } from '../domain/principal.ts'
import { findMachine, updateMachine } from '../store/tables/machines.ts'
import { deleteOperationsOf, insertOperation, type Operation } from '../store/tables/operations.ts'
import { newOperation } from '../workflows/engine.ts'
import { destroyWorkflow, failWorkflow, type FailState, type TeardownState } from '../workflows/teardown.ts'
import type { App } from './context.ts'
import { getMachine, noMachine } from './machines.ts'

/** From the first answer on the machine is gone for everyone, though its last remains may still be being removed. */
export async function destroyMachine(app: App, principal: Principal, id: string): Promise<void> {
  // Its VM's death is being dealt with: that ends by itself, and soon.
  await app.lock.inFlight(id, 'fail')
  const machine = app.lock.inFlight(id, 'destroy') ? await findMachine(app.db, id) : await getMachine(app, principal, id)
  if (machine?.ownerId !== principal.ownerId) throw noMachine(id)
  const work = app.lock.inFlight(id, 'destroy') ?? tryDestroy(app, machine)
  if (!work) {
    throw new AppError('transition_in_progress', {
      say: `Machine ${id} is busy: ${app.lock.holder(id) ?? 'another operation'} is at work on it.`,
    })
  }
  await work
}

/** Null at once when something else is changing the machine. */
export function tryDestroy(app: App, machine: Machine): Promise<void> | null {
  if (!isLegal('destroy', machine.state)) return Promise.resolve()
  return app.lock.tryRun(machine.id, 'destroy', () =>
    retire(app, newOperation<TeardownState>(destroyWorkflow.kind, { machineId: machine.id, slot: machine.slot }), (tx) =>
      updateMachine(tx, machine.id, { state: 'destroyed' }),
    ),
  )
}

/** For a machine whose VM is gone. Null at once when something else is changing it. */
export function tryFail(app: App, machine: Machine, reason: string): Promise<void> | null {
  return app.lock.tryRun(machine.id, 'fail', async () => {
    const now = await findMachine(app.db, machine.id)
    if (now?.state !== 'running') return
    app.metrics.machineFailures.inc()
    app.log.warn({ machine: machine.id, reason }, 'machine failed')
    await retire(app, newOperation<FailState>(failWorkflow.kind, { machineId: machine.id, slot: machine.slot, reason }), (tx) =>
      updateMachine(tx, machine.id, { state: 'error', errorReason: reason }),
    )
  })
}

/** Intent and journal entry in one transaction; a take-down that fails then is finished by the reconciler. */
async function retire(app: App, entry: Operation, mark: (tx: Tx) => Promise<unknown>): Promise<void> {
  await app.db.transaction().execute(async (tx) => {
    await mark(tx)
    // An earlier operation that could not be finished: this one takes down all that it would have.
    await deleteOperationsOf(tx, entry.machineId)
    await insertOperation(tx, entry, app.clock.now())
  })
  try {
    await app.engine.run(entry)
  } catch (error) {
    app.log.error({ err: error, machine: entry.machineId }, 'take-down not finished; it will be tried again')
  }
}
