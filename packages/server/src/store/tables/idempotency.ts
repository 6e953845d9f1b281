// Which machine a create under an Idempotency-Key made. The row outlives its machine, so that a late repeat does not make
// a second one that nobody knows of.

import type { Db, Tx } from '../db.ts'
import type { IdempotencyTable } from '../schema.ts'

export async function findIdempotency(db: Db | Tx, ownerId: string, key: string): Promise<IdempotencyTable | null> {
  const row = await db.selectFrom('idempotency').selectAll().where('owner_id', '=', ownerId).where('key', '=', key).executeTakeFirst()
  return row ?? null
}

export async function insertIdempotency(tx: Tx, row: IdempotencyTable): Promise<void> {
  await tx.insertInto('idempotency').values(row).execute()
}

/** For a create that was undone: its key is as good as new. */
export async function deleteIdempotencyOf(tx: Tx, machineId: string): Promise<void> {
  await tx.deleteFrom('idempotency').where('machine_id', '=', machineId).execute()
}

/** Keys of before `time` whose machine is gone. */
export async function forgetIdempotency(db: Db, time: number): Promise<void> {
  await db
    .deleteFrom('idempotency')
    .where('created_at', '<', time)
    .where('machine_id', 'not in', (eb) => eb.selectFrom('machines').select('machines.id'))
    .execute()
}
