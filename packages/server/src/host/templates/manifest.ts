// A golden snapshot says what it is; unknown forms are refused, not guessed. Its device state has a header and a
// checksum of its own, which the driver checks at every restore.

import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const MAGIC = 'nullspace-golden'
export const FORMAT = 1

export const GoldenManifest = z.object({
  magic: z.literal(MAGIC),
  format: z.literal(FORMAT),
  /** Release that wrote it. */
  written_by: z.string(),
  template: z.string(),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  /** Hash of what the guest image was built from. */
  image: z.string(),
  /** What the host must be like to restore it; from the driver. */
  compatibility: z.record(z.string(), z.string()),
  /** As they were when it was sealed; a file that was written since is refused. */
  memory_bytes: z.number().int(),
  memory_changed_at: z.string(),
})
export type GoldenManifest = z.output<typeof GoldenManifest>

export const newManifest = (fields: Omit<GoldenManifest, 'magic' | 'format'>): GoldenManifest => ({
  magic: MAGIC,
  format: FORMAT,
  ...fields,
})

/** Null when the file is not there; rejects with one sentence when it is not a manifest that this release reads. */
export async function readManifest(path: string): Promise<GoldenManifest | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const parsed = GoldenManifest.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`${path} is not a golden snapshot of format ${FORMAT}`, { cause: parsed.error })
  return parsed.data
}
