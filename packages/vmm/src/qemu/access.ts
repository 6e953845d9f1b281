// Who may open which file. A VM's hypervisor runs as a uid of its own and shares one group with all others: its own
// files belong to the uid, what many read belongs to root and is open to the group.

import { chmod, chown, stat } from 'node:fs/promises'
import type { VmSpec } from '../driver.ts'

export const isRoot = (): boolean => process.getuid?.() === 0

/** A file that this VM changes and no other VM may even read. */
export async function giveTo(path: string, { uid, gid }: Pick<VmSpec, 'uid' | 'gid'>, mode = 0o600): Promise<void> {
  if (!isRoot()) return
  await chown(path, uid, gid)
  await chmod(path, mode)
}

/** A directory that only we change from now on; what lies in it stays whose it is. */
export async function takeBack(dir: string): Promise<void> {
  if (isRoot()) await chown(dir, 0, 0)
}

/**
 * A file that any VM may read; `writable` only where QEMU insists on opening it so (see command-line.ts). A file that is
 * shared already is not touched: its change time tells whether anything wrote to it.
 */
export async function share(path: string, { gid }: Pick<VmSpec, 'gid'>, { writable }: { writable: boolean }): Promise<void> {
  if (!isRoot()) return
  const mode = writable ? 0o660 : 0o640
  const now = await stat(path)
  if (now.uid !== 0 || now.gid !== gid) await chown(path, 0, gid)
  if ((now.mode & 0o777) !== mode) await chmod(path, mode)
}
