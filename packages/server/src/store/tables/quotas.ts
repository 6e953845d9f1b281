// What owners hold, and what they may.

import { Quota } from '@nullspace/contract/quotas.ts'
import type { OwnerId } from '@nullspace/contract/ids.ts'
import { sql } from 'kysely'
import { RUNS_OR_WILL } from './machines.ts'
import type { Holdings } from '../../domain/quota.ts'
import type { Db, Tx } from '../db.ts'

export interface OwnerRow {
  readonly id: OwnerId
  readonly name: string
  /** What differs from the default. */
  readonly quota: { readonly [Kind in keyof Quota]?: Quota[Kind] | undefined }
}

export async function findOwner(db: Db | Tx, by: { readonly id: string } | { readonly name: string }): Promise<OwnerRow | null> {
  const [column, value] = 'id' in by ? (['id', by.id] as const) : (['name', by.name] as const)
  const row = await db.selectFrom('owners').select(['id', 'name', 'quota']).where(column, '=', value).executeTakeFirst()
  return row ? { id: row.id as OwnerId, name: row.name, quota: Quota.partial().parse(JSON.parse(row.quota ?? '{}')) } : null
}

export async function setOwnerQuota(tx: Tx, id: OwnerId, quota: OwnerRow['quota']): Promise<void> {
  await tx
    .updateTable('owners')
    .set({ quota: JSON.stringify(quota) })
    .where('id', '=', id)
    .execute()
}

export async function holdingsOf(db: Db | Tx, ownerId: OwnerId): Promise<Holdings> {
  const machines = await db
    .selectFrom('machines')
    .select(({ fn }) => [
      fn.countAll<number>().as('machines'),
      sql<number>`coalesce(sum(case when ${RUNS_OR_WILL} then vcpus else 0 end), 0)`.as('vcpus'),
      sql<number>`coalesce(sum(case when ${RUNS_OR_WILL} then memory_mb else 0 end), 0)`.as('memory_mb'),
      sql<number>`coalesce(sum(case when state in ('running', 'creating', 'paused') then disk_mb else 0 end), 0)`.as('disk_mb'),
    ])
    .where('owner_id', '=', ownerId)
    .where('state', 'in', ['running', 'creating', 'paused'])
    .executeTakeFirstOrThrow()
  const snapshots = await db
    .selectFrom('snapshots')
    .select(({ fn }) => [fn.countAll<number>().as('count'), sql<number>`coalesce(sum(size_bytes), 0)`.as('bytes')])
    .where('owner_id', '=', ownerId)
    .where('kind', '=', 'reusable')
    .executeTakeFirstOrThrow()
  return {
    machines: Number(machines.machines),
    vcpus: Number(machines.vcpus),
    memory_mb: Number(machines.memory_mb),
    snapshots: Number(snapshots.count),
    disk_mb: Number(machines.disk_mb) + Math.ceil(Number(snapshots.bytes) / (1024 * 1024)),
  }
}
