// Owners and their API keys. A key is stored as its hash.

import type { OwnerId } from '@nullspace/contract/ids.ts'
import type { Selectable } from 'kysely'
import type { Principal } from '../../domain/principal.ts'
import type { Db, Tx } from '../db.ts'
import type { ApiKeyTable } from '../schema.ts'

export type ApiKeyRow = Selectable<ApiKeyTable>

export const findPrincipal = (db: Db, hash: string): Promise<Principal | null> => principalWhere(db, 'hash', hash)

/** Of one that was known before; null when it is revoked by now. */
export const findPrincipalByKey = (db: Db, keyId: string): Promise<Principal | null> => principalWhere(db, 'id', keyId)

async function principalWhere(db: Db, column: 'hash' | 'id', value: string): Promise<Principal | null> {
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('owners', 'owners.id', 'api_keys.owner_id')
    .select(['api_keys.id as keyId', 'owners.id as ownerId', 'owners.name as ownerName', 'api_keys.scope as scope'])
    .where(`api_keys.${column}`, '=', value)
    .where('api_keys.revoked_at', 'is', null)
    .executeTakeFirst()
  return row ? { ...row, ownerId: row.ownerId as OwnerId } : null
}

export async function touchKey(db: Db, keyId: string, now: number): Promise<void> {
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', keyId).execute()
}

/** The owner of that name, made when new. */
export async function ensureOwner(tx: Tx, owner: { id: OwnerId; name: string; createdAt: number }): Promise<OwnerId> {
  await tx
    .insertInto('owners')
    .values({ id: owner.id, name: owner.name, created_at: owner.createdAt })
    .onConflict((c) => c.column('name').doNothing())
    .execute()
  const row = await tx.selectFrom('owners').select('id').where('name', '=', owner.name).executeTakeFirstOrThrow()
  return row.id as OwnerId
}

export async function insertKey(tx: Db | Tx, row: ApiKeyTable): Promise<void> {
  await tx.insertInto('api_keys').values(row).execute()
}

export async function listKeys(db: Db, ownerId: OwnerId | null): Promise<(ApiKeyRow & { owner_name: string })[]> {
  let query = db
    .selectFrom('api_keys')
    .innerJoin('owners', 'owners.id', 'api_keys.owner_id')
    .selectAll('api_keys')
    .select('owners.name as owner_name')
    .orderBy('api_keys.created_at')
    .orderBy('api_keys.id')
  if (ownerId) query = query.where('api_keys.owner_id', '=', ownerId)
  return query.execute()
}

/** False when there is no such key within the owner's (or, with null, any) keys. Revoking twice is harmless. */
export async function revokeKey(db: Db, id: string, ownerId: OwnerId | null, now: number): Promise<boolean> {
  let query = db.selectFrom('api_keys').select(['id', 'revoked_at']).where('id', '=', id)
  if (ownerId) query = query.where('owner_id', '=', ownerId)
  const row = await query.executeTakeFirst()
  if (!row) return false
  if (row.revoked_at === null) await db.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute()
  return true
}
