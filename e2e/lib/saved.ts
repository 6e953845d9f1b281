// Saved states on the host's disk, found by looking there; which of them are known, only the daemon's database tells.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Place } from './host.ts'

/** Of a snapshot, complete in itself. */
export const SAVED_FILES = ['memory', 'disk.qcow2', 'base.qcow2', 'rootfs.ext4', 'state', 'sums', 'manifest.json'] as const

export const savedDir = (place: Place, id = ''): string => join(place.dataDir, 'pool/snapshots', id)

/** Directories of snapshots, also of those that are only just being made. */
export function savedNames(place: Place): string[] {
  return readdirSync(savedDir(place))
}

/** What a daemon that is at rest has forgotten: files of nothing, operations that do not end, snapshots that are half there. */
export function unaccounted(place: Place): string[] {
  using db = new DatabaseSync(join(place.dataDir, 'nullspace.db'), { readOnly: true })
  const rows = (sql: string): string[] =>
    db
      .prepare(sql)
      .all()
      .map((row) => String(row['it']))
  const ready = rows(`select id as it from snapshots where state = 'ready' and kind <> 'branch'`)
  const saved = savedNames(place)
  return [
    ...rows(`select kind || ' of ' || subject as it from operations`).map((what) => `operation ${what}`),
    ...rows(`select id as it from machines where state not in ('running', 'paused', 'error')`).map((id) => `unfinished machine ${id}`),
    ...rows(`select id as it from snapshots where state <> 'ready' or kind = 'branch'`).map((id) => `unfinished snapshot ${id}`),
    ...saved.filter((name) => !ready.includes(name)).map((name) => `saved state ${name}`),
    ...ready.filter((id) => !saved.includes(id)).map((id) => `snapshot ${id} without files`),
  ]
}
