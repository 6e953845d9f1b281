// Create = restore from a golden snapshot, or from one of the owner's, on a slot and a disk of its own, then a new
// identity. A machine whose identity is not confirmed is destroyed, not handed out.

import type { Source } from '../domain/machine.ts'
import { deleteIdempotencyOf } from '../store/tables/idempotency.ts'
import { deleteLineage } from '../store/tables/lineage.ts'
import { deleteMachine, updateMachine } from '../store/tables/machines.ts'
import type { WorkflowContext } from './context.ts'
import { newIdentity, runningNow, theMachine } from './machine-parts.ts'
import { type RestoreState, restoreSteps } from './restore.ts'
import type { Workflow } from './workflow.ts'

export interface CreateState extends RestoreState {
  readonly source: Source
}

export const createWorkflow: Workflow<WorkflowContext, CreateState> = {
  kind: 'create',
  // Nobody was told of it, and whoever asked will ask again with the same key.
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: restoreSteps<CreateState>({
    source: ({ source }) => source,
    identity: ({ subject, source }) => newIdentity(subject, source.kind === 'snapshot'),
  }),
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
