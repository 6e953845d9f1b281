// Create = restore from the shape's golden snapshot on a slot and a disk of its own, then a new identity. A machine
// whose identity is not confirmed is destroyed, not handed out.

import { deleteIdempotencyOf } from '../store/tables/idempotency.ts'
import { deleteMachine, findMachine, updateMachine } from '../store/tables/machines.ts'
import type { Machine } from '../domain/machine.ts'
import type { Db, Tx } from '../store/db.ts'
import type { WorkflowContext } from './context.ts'
import type { Workflow } from './workflow.ts'

export interface CreateState {
  readonly machineId: string
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
      async run(op, { db, host }, { machineId }) {
        const { internetAccess, shape } = await theMachine(db, machineId)
        return { slot: await host.reserveSlot(op, machineId, { internetAccess }, shape) }
      },
      undo: (op, { host }, { machineId, slot }) => host.releaseSlot(op, machineId, slot ?? null),
    },
    {
      name: 'cloneDisk',
      async run(op, { db, host }, { machineId }) {
        await host.cloneDisk(op, machineId, (await theMachine(db, machineId)).shape)
      },
      undo: (op, { host }, { machineId }) => host.removeDisk(op, machineId),
    },
    {
      name: 'restore',
      async run(op, { db, host }, { machineId }) {
        return { handle: await host.startVm(op, machineId, (await theMachine(db, machineId)).shape) }
      },
      undo: (op, { host }, { machineId }) => host.stopVm(op, machineId),
    },
    {
      name: 'greet',
      async run(op, { db, host, random }, { machineId }) {
        const machine = await theMachine(db, machineId)
        await host.greet(op, machineId, { hostname: hostnameOf(machineId), machineId: random(16) }, machine.diskMb)
      },
    },
  ],
  async done(tx, { clock }, { machineId, slot, handle }) {
    const now = clock.now()
    const { timeoutMs } = await theMachine(tx, machineId)
    const running = {
      state: 'running',
      slot: slot ?? null,
      vmHandle: handle ?? null,
      startedAt: now,
      lastActiveAt: now,
      timeoutAt: now + timeoutMs,
    } as const
    await updateMachine(tx, machineId, running, ['creating'])
  },
  async undone(tx, _context, { machineId }) {
    await deleteIdempotencyOf(tx, machineId)
    await deleteMachine(tx, machineId)
  },
}

/** Valid as a host name: the underscore of an id is not. */
function hostnameOf(machineId: string): string {
  return machineId.replace('_', '-')
}

async function theMachine(db: Db | Tx, id: string): Promise<Machine> {
  const machine = await findMachine(db, id)
  if (!machine) throw new Error(`machine ${id} is not in the store`)
  return machine
}
