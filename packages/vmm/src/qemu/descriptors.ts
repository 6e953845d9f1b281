// What a hypervisor has open at its start: what it is given, and nothing of ours.

import { readdirSync, readFileSync } from 'node:fs'

/**
 * Node closes its own descriptors in a child, but not what this process was started with (a terminal's, a CI runner's
 * pipes), and a VM that holds one keeps its reader waiting for as long as it runs. They become the log instead.
 */
export function childDescriptors(wanted: readonly (number | 'ignore' | 'pipe')[], log: number): (number | 'ignore' | 'pipe')[] {
  foreign ??= foreignDescriptors()
  const highest = Math.max(wanted.length - 1, ...foreign)
  return Array.from({ length: highest + 1 }, (_, fd) => wanted[fd] ?? (foreign?.has(fd) ? log : 'ignore'))
}

let foreign: Set<number> | null = null

const O_CLOEXEC = 0o2000000

function foreignDescriptors(): Set<number> {
  const stays = (fd: string): boolean => {
    try {
      return (Number.parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '', 8) & O_CLOEXEC) === 0
    } catch {
      return false
    }
  }
  return new Set(
    readdirSync('/proc/self/fdinfo')
      .filter(stays)
      .map(Number)
      .filter((fd) => fd > 2),
  )
}
