// The database: SQLite through node:sqlite under kysely. Nothing outside of store/ sees SQL.

import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect, type SqliteDatabase, type SqliteStatement, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { foundation } from './migrations/001-foundation.ts'
import { lifecycle } from './migrations/002-lifecycle.ts'
import { uploads } from './migrations/003-uploads.ts'
import type { Schema } from './schema.ts'

export type Db = Kysely<Schema>
export type Tx = Transaction<Schema>

const MIGRATIONS = { '001-foundation': foundation, '002-lifecycle': lifecycle, '003-uploads': uploads }

/** Opens and migrates; `:memory:` for tests. */
export async function openDb(path: string): Promise<Db> {
  // Machines' environments are in it. SQLite gives its other files the mode of this one.
  if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
  const sqlite = new DatabaseSync(path)
  // FULL: an acknowledged change survives a power cut, not only a killed process.
  sqlite.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000')
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: asKysely(sqlite) }) })
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  // All of it or nothing, and what was done is noted with it: a daemon that is killed half-way begins anew. The migrator
  // leaves SQLite's statements on their own; there is one connection, so they are part of what is begun here.
  sqlite.exec('begin immediate')
  const { error } = await migrator.migrateToLatest()
  sqlite.exec(error ? 'rollback' : 'commit')
  if (error) throw new Error(`The database ${path} could not be brought up to date`, { cause: error })
  return db
}

/** Texts of statements kept prepared; kysely makes few different ones, and parsing costs more than most of them do. */
const MOST_PREPARED = 256

function asKysely(sqlite: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const known = prepared.get(sql)
      if (known) return known
      if (prepared.size >= MOST_PREPARED) prepared.clear()
      const fresh = asStatement(sqlite, sql)
      prepared.set(sql, fresh)
      return fresh
    },
  }
}

function asStatement(sqlite: DatabaseSync, sql: string): SqliteStatement {
  const statement = sqlite.prepare(sql)
  const bind = (parameters: readonly unknown[]) => parameters as (string | number | bigint | null | Uint8Array)[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...bind(parameters)),
    run(parameters) {
      // A full disk ends the transaction by itself; a refused rollback would hide why.
      if (sql === 'rollback' && !sqlite.isTransaction) return { changes: 0n, lastInsertRowid: 0n }
      const { changes, lastInsertRowid } = statement.run(...bind(parameters))
      return { changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) }
    },
    // A cursor outlives the call, so it is not shared.
    iterate: (parameters) => sqlite.prepare(sql).iterate(...bind(parameters)),
  }
}
