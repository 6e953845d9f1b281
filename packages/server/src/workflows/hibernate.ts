// Pause: memory and disk are saved and the machine says so, in one transaction; then its VM ends. Before that
// transaction a failure leaves it running, after it nothing can take the saved state away.

import type { ActorKind } from '@nullspace/contract/events.ts'
import type { SnapshotId } from '@nullspace/contract/ids.ts'
import { updateMachine } from '../store/tables/machines.ts'
import { deleteSnapshotRow, updateSnapshot } from '../store/tables/snapshots.ts'
import { captureSteps, theSnapshot, type CaptureState } from './capture.ts'
import type { WorkflowContext } from './context.ts'
import { newOperation } from './engine.ts'
import { theMachine } from './machine-parts.ts'
import { takeDown, type TeardownState } from './teardown.ts'
import type { Workflow } from './workflow.ts'

export interface HibernateState extends CaptureState {
  readonly actor: ActorKind
}

export const hibernateWorkflow: Workflow<WorkflowContext, HibernateState> = {
  kind: 'hibernate',
  afterCrash: 'undo',
  timeoutMs: 240_000,
  steps: captureSteps<HibernateState>({ afterwards: 'stay', durable: true }),
  heir: ({ snapshotId }) => snapshotId,
  async done(tx, { clock, emit }, { subject, snapshotId, sizeBytes, actor }) {
    const machine = await theMachine(tx, subject)
    await updateSnapshot(tx, snapshotId, { state: 'ready', sizeBytes: sizeBytes ?? 0 })
    const paused = { state: 'paused', snapshotId: snapshotId as SnapshotId, pausedAt: clock.now(), timeoutAt: null } as const
    await updateMachine(tx, subject, paused, ['running'])
    await emit(tx, {
      ownerId: machine.ownerId,
      operation: 'hibernate',
      status: 'succeeded',
      actor,
      machineId: subject,
      snapshotId,
      metadata: machine.metadata,
    })
    return newOperation<TeardownState>(parkWorkflow.kind, { subject, slot: machine.slot })
  },
  async undone(tx, { emit }, { subject, snapshotId, actor }, failure) {
    // Not from the machine: that may be gone by then.
    const { ownerId, metadata } = await theSnapshot(tx, snapshotId)
    await emit(tx, {
      ownerId,
      operation: 'hibernate',
      status: 'failed',
      actor,
      machineId: subject,
      error: failure,
      metadata,
    })
    await deleteSnapshotRow(tx, snapshotId)
  },
}

/** The second half: what a paused machine does not need. */
export const parkWorkflow: Workflow<WorkflowContext, TeardownState> = {
  kind: 'park',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: takeDown,
  async done(tx, _context, { subject }) {
    await updateMachine(tx, subject, { slot: null, vmHandle: null }, ['paused'])
  },
}
