// Starts a hypervisor that outlives us: own session, no pipe or descriptor of ours that it would miss, and the
// programs in front of it exec into one another, so that the pid we get is QEMU's from beginning to end.

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { DriverError } from '../errors.ts'
import { childDescriptors } from './descriptors.ts'
import { Tail } from './tail.ts'
import { identify, type ProcessId } from './process.ts'

export interface Launch {
  readonly binary: string
  readonly arguments: readonly string[]
  /** Standard error of everything on the way; made here. */
  readonly log: string
  /** Become its descriptors 3 and up. */
  readonly fds: readonly (number | 'ignore')[]
  readonly keepConsole: boolean
  readonly netns: string | null
  /** null = stay who we are. */
  readonly identity: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | null
}

export interface Launched {
  readonly process: ProcessId
  /** Exit code or signal, as a phrase. */
  readonly exited: Promise<string>
  /** What the guest wrote to its serial port lately; null when that is not kept. */
  readonly console: Tail | null
}

export function launch({ fds, ...options }: Launch): Promise<Launched> {
  const [program = '', ...args] = commandLine(options)
  const log = openSync(options.log, 'ax', 0o600)
  const stdout = options.keepConsole ? 'pipe' : 'ignore'
  const child = spawn(program, args, {
    detached: true,
    cwd: '/',
    // Nothing of the daemon's environment is the hypervisor's business.
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    stdio: childDescriptors(['ignore', stdout, log, ...fds], log),
  })
  closeSync(log)
  child.unref()
  const launched = Promise.withResolvers<Launched>()
  const exited = Promise.withResolvers<string>()
  child.once('exit', (code, signal) => exited.resolve(signal ? `signal ${signal}` : `exit code ${code}`))
  child.once('error', (cause) => {
    launched.reject(new DriverError('launch_failed', `${program} could not be started`, { cause }))
  })
  // The child is not reaped before we return to the event loop, so its entry is there even if it ended at once.
  const process_ = child.pid === undefined ? null : identify(child.pid)
  if (process_) launched.resolve({ process: process_, exited: exited.promise, console: child.stdout ? new Tail(child.stdout) : null })
  return launched.promise
}

function commandLine({ binary, arguments: args, netns, identity }: Omit<Launch, 'fds'>): string[] {
  const enterNetwork = netns === null ? [] : ['nsenter', `--net=/run/netns/${netns}`]
  // Before exec, not by QEMU's -runas: that needs the very system calls that its sandbox denies.
  const dropPrivileges =
    identity === null
      ? []
      : [
          'setpriv',
          `--reuid=${identity.uid}`,
          `--regid=${identity.gid}`,
          groups(identity.groups),
          '--no-new-privs',
          '--bounding-set=-all',
          '--inh-caps=-all',
        ]
  return [...enterNetwork, ...dropPrivileges, binary, ...args]
}

function groups(ids: readonly number[]): string {
  return ids.length === 0 ? '--clear-groups' : `--groups=${ids.join(',')}`
}
