// The files of one shape's golden snapshot, and whether they can still be trusted.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DriverInfo } from '@nullspace/vmm/driver.ts'
import { type GoldenManifest, readManifest } from './manifest.ts'

export interface GoldenFiles {
  readonly dir: string
  readonly memory: string
  readonly state: string
  /** Frozen layer under every machine's disk. */
  readonly disk: string
  /** An empty layer over `disk`; a machine's disk begins as its copy. */
  readonly blank: string
  readonly manifest: string
}

export function goldenFiles(dir: string): GoldenFiles {
  return {
    dir,
    memory: join(dir, 'memory'),
    state: join(dir, 'state'),
    disk: join(dir, 'disk.qcow2'),
    blank: join(dir, 'blank.qcow2'),
    manifest: join(dir, 'manifest.json'),
  }
}

/** Null when the snapshot can be restored here, else one sentence that says why it must be built anew. */
export async function whyStale(files: GoldenFiles, expected: { image: string; driver: DriverInfo }): Promise<string | null> {
  let manifest: GoldenManifest | null
  try {
    manifest = await readManifest(files.manifest)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  if (!manifest) return 'there is none yet'
  if (manifest.image !== expected.image) return 'the guest image has changed'
  for (const [key, value] of Object.entries(expected.driver.compatibility)) {
    if (manifest.compatibility[key] !== value)
      return `it was made with ${key} ${manifest.compatibility[key] ?? 'unknown'}, and this host has ${value}`
  }
  if (!(await memoryUnchanged(files, manifest))) return 'its memory file was changed after it was sealed'
  return null
}

/**
 * The memory file is too large to hash at every restore. Whoever may write to it without owning it cannot set back the
 * time of the last write, so a file that anything wrote to since it was sealed is told by that. Machines keep it under
 * names of their own; those do not count.
 */
export async function memoryUnchanged(
  files: GoldenFiles,
  manifest: Pick<GoldenManifest, 'memory_bytes' | 'memory_changed_at'>,
): Promise<boolean> {
  const now = await changeMark(files.memory)
  return now !== null && now.memory_bytes === manifest.memory_bytes && now.memory_changed_at === manifest.memory_changed_at
}

export async function changeMark(path: string): Promise<Pick<GoldenManifest, 'memory_bytes' | 'memory_changed_at'> | null> {
  const info = await stat(path, { bigint: true }).catch(() => null)
  return info && { memory_bytes: Number(info.size), memory_changed_at: `${info.mtimeNs}` }
}
