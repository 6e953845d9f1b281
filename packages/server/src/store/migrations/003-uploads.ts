import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const uploads: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('uploads')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('owner_id', 'text', (c) => c.notNull().references('owners.id'))
      .addColumn('machine_id', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('source_kind', 'text', (c) => c.notNull())
      .addColumn('target_path', 'text', (c) => c.notNull())
      .addColumn('content_length', 'bigint', (c) => c.notNull())
      .addColumn('part_size', 'bigint', (c) => c.notNull())
      .addColumn('conflict', 'text', (c) => c.notNull())
      .addColumn('checksum', 'text')
      .addColumn('guest_user', 'text')
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('maybe_published', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('published_bytes', 'bigint')
      .addColumn('published_files', 'bigint')
      .addColumn('failure_key', 'text')
      .addColumn('failure', 'text')
      .execute()
    await db.schema.createIndex('uploads_by_machine').on('uploads').columns(['machine_id']).execute()
    await db.schema.createIndex('uploads_by_time').on('uploads').columns(['updated_at']).execute()
    // Those that hold disk are few among those that are remembered.
    await sql`create index uploads_staging on uploads (machine_id) where state in ('open', 'completing')`.execute(db)
    await db.schema
      .createTable('upload_parts')
      .addColumn('upload_id', 'text', (c) => c.notNull().references('uploads.id').onDelete('cascade'))
      .addColumn('part', 'integer', (c) => c.notNull())
      .addColumn('file', 'text', (c) => c.notNull())
      .addColumn('bytes', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('upload_parts_pk', ['upload_id', 'part'])
      .execute()
  },
}
