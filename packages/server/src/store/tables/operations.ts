// The journal of durable operations: what is under way.

import type { MachineId, OperationId } from '@nullspace/contract/ids.ts'
import type { Db, Tx } from '../db.ts'

export interface Operation {
  readonly id: OperationId
  readonly kind: string
  readonly machineId: MachineId
  readonly phase: 'forward' | 'undo'
  readonly state: Readonly<Record<string, unknown>>
  readonly error: string | null
}

export async function insertOperation(tx: Db | Tx, op: Operation, now: number): Promise<void> {
  await tx
    .insertInto('operations')
    .values({
      id: op.id,
      kind: op.kind,
      machine_id: op.machineId,
      phase: op.phase,
      state: JSON.stringify(op.state),
      error: op.error,
      created_at: now,
      updated_at: now,
    })
    .execute()
}

export async function updateOperation(db: Db | Tx, op: Operation, now: number): Promise<void> {
  await db
    .updateTable('operations')
    .set({ phase: op.phase, state: JSON.stringify(op.state), error: op.error, updated_at: now })
    .where('id', '=', op.id)
    .execute()
}

export async function deleteOperation(db: Db | Tx, id: string): Promise<void> {
  await db.deleteFrom('operations').where('id', '=', id).execute()
}

export async function openOperations(db: Db): Promise<Operation[]> {
  const rows = await db.selectFrom('operations').selectAll().orderBy('created_at').execute()
  return rows.map((row) => ({
    id: row.id as OperationId,
    kind: row.kind,
    machineId: row.machine_id as MachineId,
    phase: row.phase,
    state: JSON.parse(row.state) as Record<string, unknown>,
    error: row.error,
  }))
}
