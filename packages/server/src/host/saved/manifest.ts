// A snapshot says what it is; unknown forms are refused, not guessed. Its files are marked as they were when it was
// sealed, so one that was written or cut since is told apart before anything is started.

import { readFile, stat, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { SavedFiles } from './files.ts'

const MAGIC = 'nullspace-snapshot'
export const SAVED_FORMAT = 1

const Mark = z.object({ bytes: z.number().int(), changed_at: z.string() })

/** Names of files in the snapshot's directory. */
export const MARKED = ['memory', 'baseMemory', 'disk', 'base', 'rootfs', 'state', 'sums'] as const

export const SavedManifest = z.object({
  magic: z.literal(MAGIC),
  format: z.literal(SAVED_FORMAT),
  /** Release that wrote it. */
  written_by: z.string(),
  snapshot: z.string(),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  disk_mb: z.number().int(),
  /** What the host must be like to restore it; from the driver. */
  compatibility: z.record(z.string(), z.string()),
  marks: z.record(z.enum(MARKED), Mark),
})
export type SavedManifest = z.output<typeof SavedManifest>

export async function writeManifest(path: string, fields: Omit<SavedManifest, 'magic' | 'format'>): Promise<void> {
  const manifest: SavedManifest = { magic: MAGIC, format: SAVED_FORMAT, ...fields }
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
}

/** Null when there is none, or what is there is not one that this release reads. */
export async function readManifest(path: string): Promise<SavedManifest | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return SavedManifest.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/**
 * The time of a write cannot be set back by whoever may write to a file but does not own it, and other names of the same
 * file do not change it.
 */
export async function markOf(path: string): Promise<z.output<typeof Mark> | null> {
  const info = await stat(path, { bigint: true }).catch(() => null)
  return info && { bytes: Number(info.size), changed_at: `${info.mtimeNs}` }
}

export async function marksOf(files: SavedFiles): Promise<SavedManifest['marks']> {
  const marks: Partial<SavedManifest['marks']> = {}
  for (const name of MARKED) {
    const mark = await markOf(files[name])
    if (!mark) throw new Error(`${name} of the snapshot is missing`)
    marks[name] = mark
  }
  return marks as SavedManifest['marks']
}

/** Names of the files that are not as they were sealed. */
export async function changedFiles(files: SavedFiles, manifest: SavedManifest): Promise<(typeof MARKED)[number][]> {
  const changed: (typeof MARKED)[number][] = []
  for (const name of MARKED) {
    const now = await markOf(files[name])
    const then = manifest.marks[name]
    if (!now || now.bytes !== then.bytes || now.changed_at !== then.changed_at) changed.push(name)
  }
  return changed
}
