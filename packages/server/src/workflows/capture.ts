// Saving a machine: the same steps for a pause, a reusable snapshot and the branch point of a fork. They differ in
// whether the machine goes on, and in what becomes of what was saved.

import type { Snapshot } from '../domain/snapshot.ts'
import type { Db, Tx } from '../store/db.ts'
import { findSnapshot } from '../store/tables/snapshots.ts'
import type { WorkflowContext } from './context.ts'
import type { BaseState, Step } from './workflow.ts'

export interface CaptureState extends BaseState {
  readonly snapshotId: string
  readonly sizeBytes?: number
}

/** `stay`: the machine stands still after it. `durable`: it must survive a loss of power. */
export function captureSteps<State extends CaptureState>({
  afterwards,
  durable,
}: {
  afterwards: 'run' | 'stay'
  durable: boolean
}): readonly Step<WorkflowContext, State>[] {
  return [
    {
      name: 'prepare',
      run: (op, { host }, { subject, snapshotId }) => host.prepareCapture(op, subject, snapshotId),
      undo: (op, { host }, { snapshotId }) => host.dropSnapshot(op, snapshotId),
    },
    {
      name: 'capture',
      run: (op, { host }, { subject, snapshotId }) => host.capture(op, subject, snapshotId, afterwards),
      // Whatever stopped it, in this life of the daemon or in an earlier one: the machine goes on.
      undo: (op, { host }, { subject }) => host.letGo(op, subject),
    },
    {
      name: 'seal',
      async run(op, { db, host }, { snapshotId }) {
        const { shape, diskMb } = await theSnapshot(db, snapshotId)
        return { sizeBytes: await host.sealSnapshot(op, snapshotId, { shape, diskMb, durable }) } as Partial<State>
      },
    },
  ]
}

export async function theSnapshot(db: Db | Tx, id: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(db, id)
  if (!snapshot) throw new Error(`snapshot ${id} is not in the store`)
  return snapshot
}
