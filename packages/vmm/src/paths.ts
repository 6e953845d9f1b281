// What lies in a VM's directory. Names are one letter because a unix socket's whole path must fit in 107 bytes.

import { join } from 'node:path'
import { DriverError } from './errors.ts'

export interface VmPaths {
  readonly dir: string
  /** Control socket (QMP). */
  readonly control: string
  readonly agent: string
  /** Standard error of the hypervisor, and of the programs that lead to it. */
  readonly log: string
  /** Where the hypervisor may write its device state; moved from there by us. */
  readonly state: string
}

const LONGEST_SOCKET_PATH = 107

export function vmPaths(dir: string): VmPaths {
  const paths = { dir, control: join(dir, 'q'), agent: join(dir, 'a'), log: join(dir, 'log'), state: join(dir, 'state') }
  const length = Buffer.byteLength(paths.control)
  if (length > LONGEST_SOCKET_PATH) {
    throw new DriverError(
      'launch_failed',
      `A socket in ${dir} would have a path of ${length} bytes; the system allows ${LONGEST_SOCKET_PATH}. Use a data directory with a shorter path.`,
    )
  }
  return paths
}
