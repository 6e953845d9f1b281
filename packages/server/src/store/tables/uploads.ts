// Uploads and their parts. A part counts from the moment of its row: whatever else lies on the host is of nobody.

import type { MachineId, OwnerId, UploadId } from '@nullspace/contract/ids.ts'
import { type Selectable, sql } from 'kysely'
import { STAGING_STATES, type StagedPart, type Upload, type UploadState } from '../../domain/upload.ts'
import type { Db, Tx } from '../db.ts'
import type { UploadTable } from '../schema.ts'

export async function insertUpload(tx: Tx, upload: Upload): Promise<void> {
  await tx.insertInto('uploads').values(toRow(upload)).execute()
}

export async function findUpload(db: Db | Tx, id: string): Promise<Upload | null> {
  const row = await db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? fromRow(row) : null
}

export type UploadChange = Partial<Pick<Upload, 'state' | 'checksum' | 'updatedAt' | 'maybePublished' | 'published' | 'failure'>>

/** False when it is not in one of the states `from`, or gone. */
export async function updateUpload(db: Db | Tx, id: string, change: UploadChange, from: readonly UploadState[]): Promise<boolean> {
  const { state, checksum, updatedAt, maybePublished, published, failure } = change
  const { numUpdatedRows } = await db
    .updateTable('uploads')
    .set({
      ...(state === undefined ? {} : { state }),
      ...(checksum === undefined ? {} : { checksum }),
      ...(updatedAt === undefined ? {} : { updated_at: updatedAt }),
      ...(maybePublished === undefined ? {} : { maybe_published: maybePublished ? 1 : 0 }),
      ...(published === undefined ? {} : publishedColumns(published)),
      ...(failure === undefined ? {} : failureColumns(failure)),
    })
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The end of it, and of its parts. */
export async function closeUpload(
  tx: Tx,
  id: string,
  change: UploadChange & { readonly state: 'completed' | 'aborted' | 'expired'; readonly updatedAt: number },
  from: readonly UploadState[],
): Promise<boolean> {
  if (!(await updateUpload(tx, id, change, from))) return false
  await tx.deleteFrom('upload_parts').where('upload_id', '=', id).execute()
  return true
}

/** In their order. */
export async function uploadParts(db: Db | Tx, id: string): Promise<StagedPart[]> {
  const rows = await db.selectFrom('upload_parts').selectAll().where('upload_id', '=', id).orderBy('part').execute()
  return rows.map(({ part, file, bytes }) => ({ number: part, file, bytes }))
}

/** Returns the file that was the part until now, if there was one. */
export async function putUploadPart(tx: Tx, id: string, { number, file, bytes }: StagedPart): Promise<string | null> {
  const before = await tx
    .selectFrom('upload_parts')
    .select('file')
    .where('upload_id', '=', id)
    .where('part', '=', number)
    .executeTakeFirst()
  await tx
    .insertInto('upload_parts')
    .values({ upload_id: id, part: number, file, bytes })
    .onConflict((conflict) => conflict.columns(['upload_id', 'part']).doUpdateSet({ file, bytes }))
    .execute()
  return before?.file ?? null
}

export interface Staging {
  /** Uploads of the machine that are not over, and what they may come to hold, bytes. */
  readonly open: number
  readonly reservedBytes: number
  /** Of all machines, and not on the disk yet. */
  readonly outstandingBytes: number
}

export async function stagingOf(db: Db | Tx, machineId: string): Promise<Staging> {
  const { open, reserved, reservedByAll } = await db
    .selectFrom('uploads')
    .select([
      sql<number>`coalesce(sum(machine_id = ${machineId}), 0)`.as('open'),
      sql<number>`coalesce(sum(case when machine_id = ${machineId} then content_length end), 0)`.as('reserved'),
      sql<number>`coalesce(sum(content_length), 0)`.as('reservedByAll'),
    ])
    .where('state', 'in', STAGING_STATES)
    .executeTakeFirstOrThrow()
  const { accepted } = await db
    .selectFrom('upload_parts')
    .select(sql<number>`coalesce(sum(bytes), 0)`.as('accepted'))
    .executeTakeFirstOrThrow()
  return { open, reservedBytes: reserved, outstandingBytes: reservedByAll - accepted }
}

/** Whose parts the host must keep. */
export async function stagingUploadIds(db: Db): Promise<Set<string>> {
  return new Set((await db.selectFrom('uploads').select('id').where('state', 'in', STAGING_STATES).execute()).map(({ id }) => id))
}

/** Last touched at that time, or before it. */
export async function uploadsUntouched(db: Db, states: readonly UploadState[], since: number): Promise<UploadId[]> {
  const query = db.selectFrom('uploads').select('id').where('state', 'in', states).where('updated_at', '<=', since)
  return (await query.execute()).map(({ id }) => id as UploadId)
}

export async function uploadsIn(db: Db, state: UploadState): Promise<UploadId[]> {
  return (await db.selectFrom('uploads').select('id').where('state', '=', state).execute()).map(({ id }) => id as UploadId)
}

/** Of machines that are no more, and not over. */
export async function strayUploads(db: Db): Promise<UploadId[]> {
  const rows = await db
    .selectFrom('uploads')
    .select('id')
    .where('state', 'in', STAGING_STATES)
    .where('machine_id', 'not in', (eb) => eb.selectFrom('machines').select('machines.id').where('machines.state', '!=', 'destroyed'))
    .execute()
  return rows.map(({ id }) => id as UploadId)
}

/** With its parts. */
export async function deleteUpload(db: Db, id: string): Promise<void> {
  await db.deleteFrom('uploads').where('id', '=', id).execute()
}

const publishedColumns = (published: Upload['published']) => ({
  published_bytes: published?.bytes ?? null,
  published_files: published?.files ?? null,
})
const failureColumns = (failure: Upload['failure']) => ({ failure_key: failure?.key ?? null, failure: failure?.error ?? null })

function toRow(upload: Upload): Selectable<UploadTable> {
  return {
    id: upload.id,
    owner_id: upload.ownerId,
    machine_id: upload.machineId,
    kind: upload.kind,
    source_kind: upload.sourceKind,
    // As JSON: a byte that is no UTF-8 is half a surrogate pair, which a text column would lose.
    target_path: JSON.stringify(upload.targetPath),
    content_length: upload.contentLength,
    part_size: upload.partSize,
    conflict: upload.conflict,
    checksum: upload.checksum,
    guest_user: upload.user,
    state: upload.state,
    created_at: upload.createdAt,
    updated_at: upload.updatedAt,
    maybe_published: upload.maybePublished ? 1 : 0,
    ...publishedColumns(upload.published),
    ...failureColumns(upload.failure),
  }
}

function fromRow(row: Selectable<UploadTable>): Upload {
  return {
    id: row.id as UploadId,
    ownerId: row.owner_id as OwnerId,
    machineId: row.machine_id as MachineId,
    kind: row.kind,
    sourceKind: row.source_kind,
    targetPath: JSON.parse(row.target_path) as string,
    contentLength: row.content_length,
    partSize: row.part_size,
    conflict: row.conflict,
    checksum: row.checksum,
    user: row.guest_user,
    state: row.state,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    maybePublished: row.maybe_published === 1,
    published: row.published_bytes === null ? null : { bytes: row.published_bytes, files: row.published_files ?? 0 },
    failure: row.failure_key === null ? null : { key: row.failure_key, error: row.failure ?? '{}' },
  }
}
