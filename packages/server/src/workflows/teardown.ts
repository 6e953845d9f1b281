// Taking a machine's data plane down: the same steps whether it was destroyed, expired, or died by itself.

import type { ActorKind } from '@nullspace/contract/events.ts'
import { endLineage } from '../store/tables/lineage.ts'
import { deleteMachine, findMachine, updateMachine } from '../store/tables/machines.ts'
import { deleteSnapshotRow } from '../store/tables/snapshots.ts'
import type { WorkflowContext } from './context.ts'
import type { BaseState, Step, Workflow } from './workflow.ts'

export interface TeardownState extends BaseState {
  readonly slot: number | null
}

export interface DestroyState extends TeardownState {
  /** Of a paused machine; it goes with it. */
  readonly snapshotId: string | null
  readonly actor: ActorKind
}

export interface FailState extends TeardownState {
  readonly reason: string
}

export const takeDown: readonly Step<WorkflowContext, TeardownState>[] = [
  { name: 'stopVm', run: (op, { host }, { subject }) => host.stopVm(op, subject) },
  { name: 'removeDisk', run: (op, { host }, { subject }) => host.removeDisk(op, subject) },
  { name: 'releaseSlot', run: (op, { host }, { subject, slot }) => host.releaseSlot(op, subject, slot) },
]

export const destroyWorkflow: Workflow<WorkflowContext, DestroyState> = {
  kind: 'destroy',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: [
    ...takeDown,
    {
      name: 'dropSnapshot',
      run: async (op, { host }, { snapshotId }) => {
        if (snapshotId !== null) await host.dropSnapshot(op, snapshotId)
      },
    },
  ],
  async done(tx, { clock, emit }, { subject, snapshotId, actor }) {
    const machine = await findMachine(tx, subject)
    if (machine) {
      await emit(tx, {
        ownerId: machine.ownerId,
        operation: 'destroy',
        status: 'succeeded',
        actor,
        machineId: subject,
        metadata: machine.metadata,
      })
    }
    if (snapshotId !== null) await deleteSnapshotRow(tx, snapshotId)
    await deleteMachine(tx, subject)
    await endLineage(tx, subject, clock.now())
  },
}

/** For a machine whose VM ended by itself: nothing of it is left but its row, which says why. */
export const failWorkflow: Workflow<WorkflowContext, FailState> = {
  kind: 'fail',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: takeDown,
  async done(tx, _context, { subject, reason }) {
    await updateMachine(tx, subject, { state: 'error', errorReason: reason, slot: null, vmHandle: null }, ['running', 'error'])
  },
}
