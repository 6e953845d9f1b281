// A file as the wire shows it.

import type { FileInfo } from '@nullspace/contract/files.ts'
import type { FileEntry } from '../host/guest/guest-files.ts'

/** Years that a date on the wire can have. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
/** A file without blocks may say to be longer than a number on the wire can tell. */
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

export function infoOf({ path, type, size, mode, uid, gid, owner, group, modifiedNs, target }: FileEntry): FileInfo {
  const permissions = (mode & 0o7777).toString(8).padStart(4, '0')
  return {
    name: nameOf(path),
    path,
    is_dir: type === 'dir',
    size: Number(size > LARGEST ? LARGEST : size),
    type,
    mode: permissions,
    permissions,
    owner: owner || String(uid),
    group: group || String(gid),
    modified_time: timeOf(modifiedNs),
    ...(type === 'symlink' ? { symlink_target: target } : {}),
  }
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path

function timeOf(ns: bigint): string {
  const ms = Number(ns / 1_000_000n)
  return new Date(Math.min(Math.max(ms, FIRST_MS), LAST_MS)).toISOString()
}
