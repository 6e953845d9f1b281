// What several workflows say about a machine.

import { createHash } from 'node:crypto'
import type { Machine } from '../domain/machine.ts'
import type { Identity } from '../host/host.ts'
import type { Db, Tx } from '../store/db.ts'
import { findMachine } from '../store/tables/machines.ts'

export async function theMachine(db: Db | Tx, id: string): Promise<Machine> {
  const machine = await findMachine(db, id)
  if (!machine) throw new Error(`machine ${id} is not in the store`)
  return machine
}

/** `fromMemory`: of another machine, whose open connections must not go on in this one. */
export function newIdentity(machineId: string, fromMemory: boolean): Identity {
  return {
    kind: 'new',
    // Valid as a host name: the underscore of an id is not.
    hostname: machineId.replace('_', '-'),
    machineId: createHash('sha256').update(`machine-id of ${machineId}`).digest().subarray(0, 16),
    disconnect: fromMemory,
  }
}

/** What a machine's row says from the moment it runs. */
export function runningNow(machine: Machine, now: number): Partial<Machine> {
  return {
    state: 'running',
    startedAt: now,
    lastActiveAt: now,
    timeoutAt: now + machine.timeoutMs,
    pausedAt: null,
    snapshotId: null,
  }
}
