// Create = restore from a golden snapshot, or from one of the owner's, on a slot and a disk of its own, then a new
// identity. A machine whose identity is not confirmed is destroyed, not handed out.

import type { Source } from '../domain/machine.ts'
import { deleteIdempotencyOf } from '../store/tables/idempotency.ts'
import { deleteLineage } from '../store/tables/lineage.ts'
import { deleteMachine, updateMachine } from '../store/tables/machines.ts'
import type { WorkflowContext } from './context.ts'
import { newIdentity, runningNow, theMachine } from './machine-parts.ts'
import type { Workflow } from './workflow.ts'

export interface CreateState {
  readonly subject: string
  readonly source: Source
  readonly slot?: number
  readonly handle?: string
}

export const createWorkflow: Workflow<WorkflowContext, CreateState> = {
  kind: 'create',
  // Nobody was told of it, and whoever asked will ask again with the same key.
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: [
    {
      name: 'reserveSlot',
      async run(op, { db, host }, { subject, source }) {
        const { internetAccess, shape } = await theMachine(db, subject)
        return { slot: await host.reserveSlot(op, subject, { internetAccess }, { ...source, shape }) }
      },
      undo: (op, { host }, { subject, slot }) => host.releaseSlot(op, subject, slot ?? null),
    },
    {
      name: 'cloneDisk',
      async run(op, { db, host }, { subject, source }) {
        await host.cloneDisk(op, subject, { ...source, shape: (await theMachine(db, subject)).shape })
      },
      undo: (op, { host }, { subject }) => host.removeDisk(op, subject),
    },
    {
      name: 'restore',
      async run(op, { db, host }, { subject, source }) {
        return { handle: await host.startVm(op, subject, { ...source, shape: (await theMachine(db, subject)).shape }) }
      },
      undo: (op, { host }, { subject }) => host.stopVm(op, subject),
    },
    {
      name: 'greet',
      async run(op, { db, host }, { subject, source }) {
        const { diskMb } = await theMachine(db, subject)
        await host.greet(op, subject, newIdentity(subject, source.kind === 'snapshot'), diskMb)
      },
    },
  ],
  async done(tx, { clock, emit }, { subject, slot, handle }) {
    const machine = await theMachine(tx, subject)
    await updateMachine(tx, subject, { ...runningNow(machine, clock.now()), slot: slot ?? null, vmHandle: handle ?? null }, ['creating'])
    await emit(tx, {
      ownerId: machine.ownerId,
      operation: 'create',
      status: 'succeeded',
      actor: 'user',
      machineId: subject,
      snapshotId: machine.sourceSnapshotId ?? undefined,
      metadata: machine.metadata,
    })
  },
  async undone(tx, { emit }, { subject }, failure) {
    const machine = await theMachine(tx, subject)
    await emit(tx, {
      ownerId: machine.ownerId,
      operation: 'create',
      status: 'failed',
      actor: 'user',
      machineId: subject,
      snapshotId: machine.sourceSnapshotId ?? undefined,
      error: failure,
      metadata: machine.metadata,
    })
    await deleteIdempotencyOf(tx, subject)
    await deleteLineage(tx, subject)
    await deleteMachine(tx, subject)
  },
}
