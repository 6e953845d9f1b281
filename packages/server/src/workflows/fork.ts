// Fork: one stop of the source saves its memory and disk to a branch snapshot, and the source goes on. Then every child
// is restored from that, each with a network, a disk and an identity of its own: all of them, or none.

import type { MachineId } from '@nullspace/contract/ids.ts'
import { deleteIdempotencyOf } from '../store/tables/idempotency.ts'
import { deleteLineage } from '../store/tables/lineage.ts'
import { deleteMachine, findMachine, updateMachine } from '../store/tables/machines.ts'
import { deleteSnapshotRow, updateSnapshot } from '../store/tables/snapshots.ts'
import type { Tx } from '../store/db.ts'
import type { Op } from '../observe/op.ts'
import { captureSteps, type CaptureState } from './capture.ts'
import type { WorkflowContext } from './context.ts'
import { newOperation } from './engine.ts'
import { newIdentity, runningNow, theMachine } from './machine-parts.ts'
import { discardWorkflow, type DiscardState } from './resume.ts'
import type { BaseState, Failure, Workflow } from './workflow.ts'

export interface ForkState extends CaptureState {
  readonly children: readonly MachineId[]
}

/** The first half, on the source. */
export const forkWorkflow: Workflow<WorkflowContext, ForkState> = {
  kind: 'fork',
  afterCrash: 'undo',
  timeoutMs: 120_000,
  steps: captureSteps<ForkState>({ afterwards: 'run', durable: false }),
  heir: ({ snapshotId }) => snapshotId,
  keys: ({ snapshotId, children }) => [snapshotId, ...children],
  async done(tx, _context, { subject, snapshotId, sizeBytes, children }) {
    await updateSnapshot(tx, snapshotId, { state: 'ready', sizeBytes: sizeBytes ?? 0 })
    return newOperation<BranchState>(branchWorkflow.kind, { subject: snapshotId, parent: subject, children, slots: {}, handles: {} })
  },
  async undone(tx, context, { subject, snapshotId, children }, failure) {
    await giveUp(tx, context, { parent: subject, children }, failure)
    await deleteSnapshotRow(tx, snapshotId)
  },
}

/** On the branch snapshot. */
export interface BranchState extends BaseState {
  readonly parent: string
  readonly children: readonly MachineId[]
  /** By child. */
  readonly slots: Readonly<Record<string, number>>
  readonly handles: Readonly<Record<string, string>>
}

/** The second half: the children. The source is free for other operations meanwhile. */
export const branchWorkflow: Workflow<WorkflowContext, BranchState> = {
  kind: 'branch',
  afterCrash: 'undo',
  timeoutMs: 300_000,
  keys: ({ children }) => children,
  steps: [
    {
      name: 'reserveSlots',
      async run(op, { db, host }, { subject, children }) {
        const slots: Record<string, number> = {}
        await each(children, async (child) => {
          const { internetAccess, shape } = await theMachine(db, child)
          slots[child] = await host.reserveSlot(op, child, { internetAccess }, { kind: 'snapshot', id: subject, shape })
        })
        return { slots }
      },
      async undo(op, { host }, { subject, children, slots }) {
        await each(children, (child) => host.releaseSlot(op, child, slots[child] ?? null))
        await host.dropSnapshot(op, subject)
      },
    },
    {
      name: 'cloneDisks',
      run: (op, { db, host }, { subject, children }) =>
        each(children, async (child) => {
          await host.cloneDisk(op, child, { kind: 'snapshot', id: subject, shape: (await theMachine(db, child)).shape })
        }),
      undo: (op, { host }, { children }) => each(children, (child) => host.removeDisk(op, child)),
    },
    {
      name: 'bringUp',
      async run(op, context, { subject, children }) {
        const handles: Record<string, string> = {}
        await each(children, async (child) => {
          handles[child] = await context.starts.pass(op, () => bringUp(op, context, subject, child))
        })
        return { handles }
      },
      undo: (op, { host }, { children }) => each(children, (child) => host.stopVm(op, child)),
    },
  ],
  async done(tx, { clock, emit }, { subject, parent, children, slots, handles }) {
    for (const child of children) {
      const machine = await theMachine(tx, child)
      const change = { ...runningNow(machine, clock.now()), slot: slots[child] ?? null, vmHandle: handles[child] ?? null }
      await updateMachine(tx, child, change, ['creating'])
      const about = { ownerId: machine.ownerId, status: 'succeeded', actor: 'user', metadata: machine.metadata } as const
      await emit(tx, { ...about, operation: 'fork', machineId: parent, sourceMachineId: parent, targetMachineId: child })
    }
    await updateSnapshot(tx, subject, { state: 'deleting' })
    return newOperation<DiscardState>(discardWorkflow.kind, { subject })
  },
  async undone(tx, context, { subject, parent, children }, failure) {
    await giveUp(tx, context, { parent, children }, failure)
    await deleteSnapshotRow(tx, subject)
  },
}

async function bringUp(op: Op, { db, host }: WorkflowContext, snapshotId: string, child: string): Promise<string> {
  const { shape, diskMb } = await theMachine(db, child)
  const handle = await host.startVm(op, child, { kind: 'snapshot', id: snapshotId, shape })
  await host.greet(op, child, newIdentity(child, true), diskMb)
  return handle
}

async function giveUp(
  tx: Tx,
  { emit }: WorkflowContext,
  { parent, children }: { parent: string; children: readonly MachineId[] },
  failure: Failure,
): Promise<void> {
  for (const child of children) {
    const machine = await findMachine(tx, child)
    if (!machine) continue
    const about = { ownerId: machine.ownerId, status: 'failed', actor: 'user', error: failure, metadata: machine.metadata } as const
    await emit(tx, { ...about, operation: 'fork', machineId: parent, sourceMachineId: parent, targetMachineId: child })
    await deleteLineage(tx, child)
    await deleteMachine(tx, child)
  }
  await deleteIdempotencyOf(tx, children.join(','))
}

/** All of them, also when one fails: what is under way must have ended before anything is undone. Then the first failure counts. */
async function each(children: readonly MachineId[], work: (child: MachineId) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(children.map(work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
