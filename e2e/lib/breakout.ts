// What a program may do that has got out of a VM into its hypervisor: same user, same group, nothing else.

import { execFile } from 'node:child_process'
import { type Hypervisor, type Place, statusOf } from './host.ts'

export const uidOf = ({ pid }: Hypervisor): number => Number(statusOf(pid, 'Uid').split('\t')[0])

/** Says how the attempt ended. */
export function attempt({ gid }: Place, from: Hypervisor, script: string): Promise<string> {
  const args = [
    `--reuid=${uidOf(from)}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
    'sh',
    '-c',
    script,
  ]
  return new Promise((resolve) => {
    execFile('setpriv', args, { env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve(error ? stderr.trim() : `done: ${stdout.trim()}`),
    )
  })
}
