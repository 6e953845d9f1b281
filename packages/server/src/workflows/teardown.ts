// Taking a machine's data plane down: the same steps whether it was destroyed, expired, or died by itself.

import { deleteMachine, updateMachine } from '../store/tables/machines.ts'
import type { WorkflowContext } from './context.ts'
import type { Step, Workflow } from './workflow.ts'

export interface TeardownState {
  readonly machineId: string
  readonly slot: number | null
}

export interface FailState extends TeardownState {
  readonly reason: string
}

const takeDown: readonly Step<WorkflowContext, TeardownState>[] = [
  { name: 'stopVm', run: (op, { host }, { machineId }) => host.stopVm(op, machineId) },
  { name: 'removeDisk', run: (op, { host }, { machineId }) => host.removeDisk(op, machineId) },
  { name: 'releaseSlot', run: (op, { host }, { machineId, slot }) => host.releaseSlot(op, machineId, slot) },
]

export const destroyWorkflow: Workflow<WorkflowContext, TeardownState> = {
  kind: 'destroy',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: takeDown,
  done: (tx, _context, { machineId }) => deleteMachine(tx, machineId),
}

/** For a machine whose VM ended by itself: nothing of it is left but its row, which says why. */
export const failWorkflow: Workflow<WorkflowContext, FailState> = {
  kind: 'fail',
  afterCrash: 'finish',
  timeoutMs: 60_000,
  steps: takeDown,
  async done(tx, _context, { machineId, reason }) {
    await updateMachine(tx, machineId, { state: 'error', errorReason: reason, slot: null, vmHandle: null }, ['running', 'error'])
  },
}
