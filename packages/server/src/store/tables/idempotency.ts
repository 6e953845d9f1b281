// Which machine a create under an Idempotency-Key made. The row lives as long as its machine.

import type { Db, Tx } from '../db.ts'
import type { IdempotencyTable } from '../schema.ts'

export async function findIdempotency(db: Db | Tx, ownerId: string, key: string): Promise<IdempotencyTable | null> {
  const row = await db.selectFrom('idempotency').selectAll().where('owner_id', '=', ownerId).where('key', '=', key).executeTakeFirst()
  return row ?? null
}

export async function insertIdempotency(tx: Tx, row: IdempotencyTable): Promise<void> {
  await tx.insertInto('idempotency').values(row).execute()
}
