// What a directory holds on the disk that no other file shares: a clone costs only what differs from what it is a clone of.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { program } from './program.ts'

/** Bytes. */
export async function ownBlocks(dir: string): Promise<number> {
  const files = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isFile())
  // A hard link is the same file as another's, its blocks are not shared for that: it costs nothing here.
  const sizes = await Promise.all(files.map(async ({ name }) => (SHARED_NAMES.has(name) ? 0 : extentsOf(join(dir, name)))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Layers below a machine's own: links to the template's. */
const SHARED_NAMES = new Set(['base.qcow2', 'rootfs.ext4'])

async function extentsOf(path: string): Promise<number> {
  const { ok, stdout, why } = await program('filefrag', ['-v', '-b4096', path])
  if (!ok) throw new Error(why)
  return ownExtents(stdout)
}

/** From what `filefrag -v -b4096` says: one line per extent, with its length in blocks and, last, its flags. */
export function ownExtents(said: string): number {
  let blocks = 0
  for (const line of said.split('\n')) {
    const [, length, flags] = /^ *\d+: +\d+\.\. *\d+: +\d+\.\. *\d+: +(\d+):(.*)$/.exec(line) ?? []
    if (length !== undefined && !/\bshared\b/.test(flags ?? '')) blocks += Number(length)
  }
  return blocks * 4096
}
