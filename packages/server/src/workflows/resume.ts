// Resume: the pause snapshot is restored under the machine's own id. It stays until the machine runs again, so a resume
// that fails leaves the machine paused as it was.

import type { ActorKind } from '@nullspace/contract/events.ts'
import { updateMachine } from '../store/tables/machines.ts'
import { deleteSnapshotRow, updateSnapshot } from '../store/tables/snapshots.ts'
import type { WorkflowContext } from './context.ts'
import { newOperation } from './engine.ts'
import { runningNow, theMachine } from './machine-parts.ts'
import { type RestoreState, restoreSteps } from './restore.ts'
import type { BaseState, Workflow } from './workflow.ts'

export interface ResumeState extends RestoreState {
  readonly snapshotId: string
  readonly actor: ActorKind
}

export const resumeWorkflow: Workflow<WorkflowContext, ResumeState> = {
  kind: 'resume',
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: restoreSteps<ResumeState>({
    source: ({ snapshotId }) => ({ kind: 'snapshot', id: snapshotId }),
    identity: () => ({ kind: 'same' }),
  }),
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
