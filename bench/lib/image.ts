// The guest image to measure with.

import { ensureGo } from '../../tools/setup/go.ts'
import { ensureGuestImage } from '../../tools/setup/guest-image.ts'
import { ensureHostPackages } from '../../tools/setup/host-packages.ts'

/** Where the guest image is: as configured, else as the quickstart keeps it, built if need be. */
export async function prepareHost(say: (line: string) => void): Promise<string> {
  const configured = process.env['NULLSPACE_IMAGE_DIR']
  if (configured) return configured
  await ensureHostPackages(say)
  const image = await ensureGuestImage((await ensureGo(say)).bin, say)
  if (!image) throw new Error('images/build.sh is not in this tree: name a guest image in NULLSPACE_IMAGE_DIR')
  return image.dir
}
