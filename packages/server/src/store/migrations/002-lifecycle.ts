import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lifecycle: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['auto_resume', 'ephemeral']) {
      await db.schema
        .alterTable('machines')
        .addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
    }
    for (const column of ['inactivity_timeout_ms', 'auto_delete_after_ms', 'paused_at'])
      await db.schema.alterTable('machines').addColumn(column, 'bigint').execute()
    for (const column of ['snapshot_id', 'parent_machine_id', 'source_snapshot_id'])
      await db.schema.alterTable('machines').addColumn(column, 'text').execute()
    await db.schema.alterTable('owners').addColumn('quota', 'text').execute()

    await db.schema
      .createTable('snapshots')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('owner_id', 'text', (c) => c.notNull().references('owners.id'))
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('machine_id', 'text', (c) => c.notNull())
      .addColumn('parent_snapshot_id', 'text')
      .addColumn('template', 'text', (c) => c.notNull())
      .addColumn('vcpus', 'integer', (c) => c.notNull())
      .addColumn('memory_mb', 'integer', (c) => c.notNull())
      .addColumn('disk_mb', 'integer', (c) => c.notNull())
      .addColumn('cwd', 'text', (c) => c.notNull())
      .addColumn('envs', 'text', (c) => c.notNull())
      .addColumn('metadata', 'text', (c) => c.notNull())
      .addColumn('internet_access', 'integer', (c) => c.notNull())
      .addColumn('size_bytes', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .execute()
    await db.schema.createIndex('snapshots_by_owner').on('snapshots').columns(['owner_id', 'created_at', 'id']).execute()

    // Outlives the machines: a child can be told whom it came from when that is long gone.
    await db.schema
      .createTable('lineage')
      .addColumn('machine_id', 'text', (c) => c.primaryKey())
      .addColumn('owner_id', 'text', (c) => c.notNull())
      .addColumn('parent_machine_id', 'text')
      .addColumn('origin', 'text', (c) => c.notNull())
      .addColumn('snapshot_id', 'text')
      .addColumn('template', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('destroyed_at', 'bigint')
      .execute()
    await db.schema.createIndex('lineage_by_parent').on('lineage').columns(['parent_machine_id']).execute()

    // An operation may be on a snapshot, and a key may stand for several machines.
    await db.schema.alterTable('operations').renameColumn('machine_id', 'subject').execute()
    await db.schema.alterTable('idempotency').renameColumn('machine_id', 'resource_ids').execute()

    await db.schema
      .createTable('events')
      // Never used again, so that a reader who knows the last one it saw misses nothing.
      .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('id', 'text', (c) => c.notNull().unique())
      .addColumn('owner_id', 'text', (c) => c.notNull())
      .addColumn('occurred_at', 'bigint', (c) => c.notNull())
      .addColumn('operation', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('actor_kind', 'text', (c) => c.notNull())
      .addColumn('machine_id', 'text')
      .addColumn('snapshot_id', 'text')
      .addColumn('source_machine_id', 'text')
      .addColumn('target_machine_id', 'text')
      .addColumn('reason', 'text')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .addColumn('metadata', 'text', (c) => c.notNull())
      .execute()
    await db.schema.createIndex('events_by_owner').on('events').columns(['owner_id', 'seq']).execute()
    for (const column of ['machine_id', 'source_machine_id', 'target_machine_id', 'snapshot_id'])
      await db.schema.createIndex(`events_by_${column}`).on('events').columns([column, 'seq']).execute()

    await db.schema
      .createTable('webhooks')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('owner_id', 'text', (c) => c.notNull().references('owners.id'))
      .addColumn('url', 'text', (c) => c.notNull())
      .addColumn('operations', 'text', (c) => c.notNull())
      .addColumn('signing_secret', 'text', (c) => c.notNull())
      .addColumn('enabled', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('last_delivery_at', 'bigint')
      .addColumn('last_delivery_status', 'text')
      .addColumn('last_error', 'text')
      .execute()
    await db.schema.createIndex('webhooks_by_owner').on('webhooks').columns(['owner_id', 'created_at']).execute()
    await db.schema
      .createTable('webhook_deliveries')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('webhook_id', 'text', (c) => c.notNull().references('webhooks.id').onDelete('cascade'))
      .addColumn('event_id', 'text', (c) => c.notNull())
      .addColumn('operation', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('delivery_status', 'text', (c) => c.notNull())
      .addColumn('attempt_count', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('next_attempt_at', 'bigint')
      .addColumn('last_attempt_at', 'bigint')
      .addColumn('last_response_status', 'integer')
      .addColumn('last_error', 'text')
      .execute()
    await db.schema.createIndex('deliveries_by_webhook').on('webhook_deliveries').columns(['webhook_id', 'created_at']).execute()
    await db.schema.createIndex('deliveries_by_event').on('webhook_deliveries').columns(['event_id']).execute()
    // Who has something due, and what: one webhook’s thousands do not hide another’s one.
    await sql`create index deliveries_due on webhook_deliveries (webhook_id, next_attempt_at) where next_attempt_at is not null`.execute(db)
    await db.schema
      .createTable('webhook_attempts')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('delivery_id', 'text', (c) => c.notNull().references('webhook_deliveries.id').onDelete('cascade'))
      .addColumn('attempt_number', 'integer', (c) => c.notNull())
      .addColumn('attempted_at', 'bigint', (c) => c.notNull())
      .addColumn('duration_ms', 'integer', (c) => c.notNull())
      .addColumn('response_status', 'integer')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .execute()
    await db.schema.createIndex('attempts_by_delivery').on('webhook_attempts').columns(['delivery_id', 'attempt_number']).execute()
  },
}
