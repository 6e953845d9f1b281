// VMs that run on this host, by what their processes were started with. Nothing that we would have had to write in
// time is needed, so a VM is found even if the daemon died in the very moment of starting it.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { identify, isAlive, type ProcessId } from './process.ts'

/** Also what a path may be made from. */
export const VM_NAME = /^[A-Za-z0-9][\w-]{0,63}$/

export interface RunningVm {
  readonly id: string
  readonly dir: string
  readonly process: ProcessId
}

export function findVms(): RunningVm[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (findVm(Number(name)) ?? []) : []))
}

export function isBelow(root: string, dir: string): boolean {
  return dir.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** Also while nsenter or setpriv still stand in front: they carry QEMU's arguments in their own. */
export function findVm(pid: number): RunningVm | null {
  const process_ = identify(pid)
  if (!process_ || !isAlive(process_)) return null
  const args = readArguments(pid)
  const id = valueAfter(args, '-name')
  const control = /^unix:(.*),server=on,wait=off$/.exec(valueAfter(args, '-qmp') ?? '')?.[1]
  // Any process can put anything into its arguments: what is no name of a VM is none of ours.
  if (!id || !control || !VM_NAME.test(id)) return null
  return { id, dir: dirname(control.replaceAll(',,', ',')), process: process_ }
}

function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function valueAfter(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name)
  return at === -1 ? undefined : args[at + 1]
}
