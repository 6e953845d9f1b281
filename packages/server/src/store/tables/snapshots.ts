// Snapshots in the database.

import type { MachineId, OwnerId, SnapshotId } from '@nullspace/contract/ids.ts'
import { type Selectable, sql } from 'kysely'
import type { Snapshot, SnapshotKind } from '../../domain/snapshot.ts'
import type { Db, Tx } from '../db.ts'
import type { SnapshotTable } from '../schema.ts'

export interface SnapshotFilter {
  readonly ownerId: OwnerId
  readonly machineId?: string | undefined
  /** All pairs must match, compared as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

export async function insertSnapshot(tx: Db | Tx, snapshot: Snapshot): Promise<void> {
  await tx
    .insertInto('snapshots')
    .values({
      id: snapshot.id,
      owner_id: snapshot.ownerId,
      kind: snapshot.kind,
      state: snapshot.state,
      machine_id: snapshot.machineId,
      parent_snapshot_id: snapshot.parentSnapshotId,
      template: snapshot.shape.template,
      vcpus: snapshot.shape.vcpus,
      memory_mb: snapshot.shape.memoryMb,
      disk_mb: snapshot.diskMb,
      cwd: snapshot.cwd,
      envs: JSON.stringify(snapshot.envs),
      metadata: JSON.stringify(snapshot.metadata),
      internet_access: snapshot.internetAccess ? 1 : 0,
      size_bytes: snapshot.sizeBytes,
      created_at: snapshot.createdAt,
    })
    .execute()
}

export async function updateSnapshot(
  tx: Db | Tx,
  id: string,
  change: { readonly state?: Snapshot['state']; readonly sizeBytes?: number },
): Promise<void> {
  await tx
    .updateTable('snapshots')
    .set({
      ...(change.state === undefined ? {} : { state: change.state }),
      ...(change.sizeBytes === undefined ? {} : { size_bytes: change.sizeBytes }),
    })
    .where('id', '=', id)
    .execute()
}

export async function deleteSnapshotRow(tx: Db | Tx, id: string): Promise<void> {
  await tx.deleteFrom('snapshots').where('id', '=', id).execute()
}

export async function findSnapshot(db: Db | Tx, id: string): Promise<Snapshot | null> {
  const row = await db.selectFrom('snapshots').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? fromRow(row) : null
}

/** What an owner sees, newest first. */
export async function listSnapshotRows(db: Db, { ownerId, machineId, metadata }: SnapshotFilter): Promise<Snapshot[]> {
  let query = db
    .selectFrom('snapshots')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('state', '=', 'ready')
    .where('kind', 'in', ['pause', 'reusable'])
  if (machineId !== undefined) query = query.where('machine_id', '=', machineId)
  for (const [key, value] of Object.entries(metadata ?? {})) {
    query = query.where(
      sql<boolean>`exists (select 1 from json_each(snapshots.metadata) pair where pair.key = ${key} and snapshots.metadata -> pair.fullkey = ${JSON.stringify(value)})`,
    )
  }
  return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').execute()).map(fromRow)
}

/** Ids of all owners and kinds, in whatever state: what the pool must keep. */
export async function allSnapshotIds(db: Db): Promise<Set<string>> {
  return new Set((await db.selectFrom('snapshots').select('id').execute()).map(({ id }) => id))
}

function fromRow(row: Selectable<SnapshotTable>): Snapshot {
  return {
    id: row.id as SnapshotId,
    ownerId: row.owner_id as OwnerId,
    kind: row.kind satisfies SnapshotKind,
    state: row.state,
    machineId: row.machine_id as MachineId,
    parentSnapshotId: row.parent_snapshot_id as SnapshotId | null,
    shape: { template: row.template, vcpus: row.vcpus, memoryMb: row.memory_mb },
    diskMb: row.disk_mb,
    cwd: row.cwd,
    envs: JSON.parse(row.envs) as Record<string, string>,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    internetAccess: row.internet_access === 1,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
  }
}
