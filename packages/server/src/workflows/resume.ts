// Resume: the pause snapshot is restored under the machine's own id. It stays until the machine runs again, so a resume
// that fails leaves the machine paused as it was.

import type { ActorKind } from '@nullspace/contract/events.ts'
import { updateMachine } from '../store/tables/machines.ts'
import { deleteSnapshotRow, updateSnapshot } from '../store/tables/snapshots.ts'
import type { WorkflowContext } from './context.ts'
import { newOperation } from './engine.ts'
import { runningNow, theMachine } from './machine-parts.ts'
import type { BaseState, Workflow } from './workflow.ts'

export interface ResumeState extends BaseState {
  readonly snapshotId: string
  readonly actor: ActorKind
  readonly slot?: number
  readonly handle?: string
}

export const resumeWorkflow: Workflow<WorkflowContext, ResumeState> = {
  kind: 'resume',
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: [
    {
      name: 'reserveSlot',
      async run(op, { db, host }, { subject, snapshotId }) {
        const { internetAccess, shape } = await theMachine(db, subject)
        return { slot: await host.reserveSlot(op, subject, { internetAccess }, { kind: 'snapshot', id: snapshotId, shape }) }
      },
      undo: (op, { host }, { subject, slot }) => host.releaseSlot(op, subject, slot ?? null),
    },
    {
      name: 'cloneDisk',
      async run(op, { db, host }, { subject, snapshotId }) {
        await host.cloneDisk(op, subject, { kind: 'snapshot', id: snapshotId, shape: (await theMachine(db, subject)).shape })
      },
      undo: (op, { host }, { subject }) => host.removeDisk(op, subject),
    },
    {
      name: 'restore',
      async run(op, { db, host }, { subject, snapshotId }) {
        return {
          handle: await host.startVm(op, subject, { kind: 'snapshot', id: snapshotId, shape: (await theMachine(db, subject)).shape }),
        }
      },
      undo: (op, { host }, { subject }) => host.stopVm(op, subject),
    },
    {
      name: 'greet',
      async run(op, { db, host }, { subject }) {
        await host.greet(op, subject, { kind: 'same' }, (await theMachine(db, subject)).diskMb)
      },
    },
  ],
  async done(tx, { clock, emit }, { subject, snapshotId, slot, handle, actor }) {
    const machine = await theMachine(tx, subject)
    await updateMachine(tx, subject, { ...runningNow(machine, clock.now()), slot: slot ?? null, vmHandle: handle ?? null }, ['paused'])
    await updateSnapshot(tx, snapshotId, { state: 'deleting' })
    await emit(tx, {
      ownerId: machine.ownerId,
      operation: 'resume_from_snapshot',
      status: 'succeeded',
      actor,
      machineId: subject,
      snapshotId,
      targetMachineId: subject,
      metadata: machine.metadata,
    })
    return newOperation<DiscardState>(discardWorkflow.kind, { subject: snapshotId })
  },
  async undone(tx, { emit }, { subject, snapshotId, actor }, failure) {
    const machine = await theMachine(tx, subject)
    await emit(tx, {
      ownerId: machine.ownerId,
      operation: 'resume_from_snapshot',
      status: 'failed',
      actor,
      machineId: subject,
      snapshotId,
      error: failure,
      metadata: machine.metadata,
    })
  },
}

export type DiscardState = BaseState

/** A snapshot that is needed no more: its files, then its row. */
export const discardWorkflow: Workflow<WorkflowContext, DiscardState> = {
  kind: 'discard',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: [{ name: 'dropSnapshot', run: (op, { host }, { subject }) => host.dropSnapshot(op, subject) }],
  done: (tx, _context, { subject }) => deleteSnapshotRow(tx, subject),
}
