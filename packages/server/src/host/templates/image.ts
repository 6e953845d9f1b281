// The guest image a template is made from: kernel, initramfs and root filesystem, as images/build.sh leaves them.

import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const ImageManifest = z.object({ name: z.string(), inputs: z.string() }).loose()

export interface GuestImage {
  readonly kernel: string
  readonly initramfs: string
  /** Raw ext4. */
  readonly rootfs: string
  /** Hash of what it was built from. */
  readonly hash: string
}

/** Null when no image has been built there. */
export async function readImage(dir: string): Promise<GuestImage | null> {
  const text = await readFile(join(dir, 'manifest.json'), 'utf8').catch(() => null)
  if (text === null) return null
  const { inputs } = ImageManifest.parse(JSON.parse(text))
  const image = { kernel: join(dir, 'vmlinuz'), initramfs: join(dir, 'initramfs.gz'), rootfs: join(dir, 'rootfs.ext4'), hash: inputs }
  for (const file of [image.kernel, image.initramfs, image.rootfs]) await access(file)
  return image
}
