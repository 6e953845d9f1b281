// A reusable snapshot: of a running machine, which stands still for a moment, or of a paused one, which is a matter of
// files.

import type { SnapshotId } from '@nullspace/contract/ids.ts'
import { deleteIdempotencyOf } from '../store/tables/idempotency.ts'
import { deleteSnapshotRow, updateSnapshot } from '../store/tables/snapshots.ts'
import type { Tx } from '../store/db.ts'
import { captureSteps, theSnapshot, type CaptureState } from './capture.ts'
import type { WorkflowContext } from './context.ts'
import { theMachine } from './machine-parts.ts'
import type { Failure, Workflow } from './workflow.ts'

export type SnapshotState = CaptureState

export interface CopySnapshotState extends CaptureState {
  /** Of the paused machine. */
  readonly from: SnapshotId
}

export const snapshotWorkflow: Workflow<WorkflowContext, SnapshotState> = {
  kind: 'snapshot',
  afterCrash: 'undo',
  timeoutMs: 240_000,
  steps: captureSteps({ afterwards: 'run', durable: true }),
  heir: ({ snapshotId }) => snapshotId,
  done,
  undone,
}

export const copySnapshotWorkflow: Workflow<WorkflowContext, CopySnapshotState> = {
  kind: 'copySnapshot',
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: [
    {
      name: 'copy',
      run: (op, { host }, { from, snapshotId }) => host.copySnapshot(op, from, snapshotId),
      undo: (op, { host }, { snapshotId }) => host.dropSnapshot(op, snapshotId),
    },
    {
      name: 'seal',
      async run(op, { db, host }, { snapshotId }) {
        const { shape, diskMb } = await theSnapshot(db, snapshotId)
        return { sizeBytes: await host.sealSnapshot(op, snapshotId, { shape, diskMb, durable: true }) }
      },
    },
  ],
  heir: ({ snapshotId }) => snapshotId,
  done,
  undone,
}

async function done(tx: Tx, { emit }: WorkflowContext, { subject, snapshotId, sizeBytes }: CaptureState): Promise<void> {
  const machine = await theMachine(tx, subject)
  await updateSnapshot(tx, snapshotId, { state: 'ready', sizeBytes: sizeBytes ?? 0 })
  await emit(tx, {
    ownerId: machine.ownerId,
    operation: 'snapshot_created',
    status: 'succeeded',
    actor: 'user',
    machineId: subject,
    snapshotId,
    metadata: machine.metadata,
  })
}

async function undone(tx: Tx, { emit }: WorkflowContext, { subject, snapshotId }: CaptureState, failure: Failure): Promise<void> {
  // Not from the machine: that may be gone by then.
  const { ownerId, metadata } = await theSnapshot(tx, snapshotId)
  await emit(tx, {
    ownerId,
    operation: 'snapshot_created',
    status: 'failed',
    actor: 'user',
    machineId: subject,
    snapshotId,
    error: failure,
    metadata,
  })
  await deleteIdempotencyOf(tx, snapshotId)
  await deleteSnapshotRow(tx, snapshotId)
}
