// Device nodes that a hypervisor without privileges opens itself.

import { chmod, stat } from 'node:fs/promises'
import type { HostTraits } from './host.ts'

/**
 * Gives everyone the node, as udev does by default: attaching to a tap is granted by the tap's owner, making one by
 * CAP_NET_ADMIN. Hosts without udev (containers, minimal VMs) leave it to root.
 */
export async function allowTun(path = '/dev/net/tun'): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o006) !== 0o006) await chmod(path, 0o666)
}

/** Supplementary groups that let an ordinary user open /dev/kvm. */
export async function kvmGroups({ accelerator }: Pick<HostTraits, 'accelerator'>): Promise<number[]> {
  if (accelerator !== 'kvm') return []
  const { mode, gid } = await stat('/dev/kvm')
  return (mode & 0o006) === 0o006 ? [] : [gid]
}
