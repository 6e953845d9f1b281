// What a request under an Idempotency-Key made. The row outlives that, so that a late repeat does not make a second one
// that nobody knows of.

import { sql } from 'kysely'
import type { Db, Tx } from '../db.ts'
import type { IdempotencyTable } from '../schema.ts'

export async function findIdempotency(db: Db | Tx, ownerId: string, key: string): Promise<IdempotencyTable | null> {
  const row = await db.selectFrom('idempotency').selectAll().where('owner_id', '=', ownerId).where('key', '=', key).executeTakeFirst()
  return row ?? null
}

export async function insertIdempotency(tx: Tx, row: IdempotencyTable): Promise<void> {
  await tx.insertInto('idempotency').values(row).execute()
}

/** For a request that was undone: its key is as good as new. */
export async function deleteIdempotencyOf(tx: Tx, resourceIds: string): Promise<void> {
  await tx.deleteFrom('idempotency').where('resource_ids', '=', resourceIds).execute()
}

/** Keys of before `time` whose machine or snapshot is gone; of several children, all of whom. */
export async function forgetIdempotency(db: Db, time: number): Promise<void> {
  await db
    .deleteFrom('idempotency')
    .where('created_at', '<', time)
    .where('resource_ids', 'not in', (eb) => eb.selectFrom('machines').select('machines.id'))
    .where('resource_ids', 'not in', (eb) => eb.selectFrom('snapshots').select('snapshots.id'))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('machines')
            .select('machines.id')
            .where(sql<boolean>`instr(idempotency.resource_ids, machines.id) > 0`),
        ),
      ),
    )
    .execute()
}
