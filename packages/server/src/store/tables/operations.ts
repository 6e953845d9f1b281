// The journal of durable operations: what is under way.

import type { OperationId } from '@nullspace/contract/ids.ts'
import type { Selectable } from 'kysely'
import type { Db, Tx } from '../db.ts'
import type { OperationTable } from '../schema.ts'

export interface Operation {
  readonly id: OperationId
  readonly kind: string
  /** Id of what it is on: a machine, or the snapshot that children are made from. */
  readonly subject: string
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
      subject: op.subject,
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

export async function operationsOf(tx: Tx, subject: string): Promise<Operation[]> {
  return (await tx.selectFrom('operations').selectAll().where('subject', '=', subject).execute()).map(fromRow)
}

export async function findOperation(db: Db, id: string): Promise<Operation | null> {
  const row = await db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? fromRow(row) : null
}

export async function openOperations(db: Db): Promise<Operation[]> {
  return (await db.selectFrom('operations').selectAll().orderBy('created_at').execute()).map(fromRow)
}

function fromRow(row: Selectable<OperationTable>): Operation {
  return {
    id: row.id as OperationId,
    kind: row.kind,
    subject: row.subject,
    phase: row.phase,
    state: JSON.parse(row.state) as Record<string, unknown>,
    error: row.error,
  }
}
