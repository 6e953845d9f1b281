// Bounds on a hypervisor process, with whichever of the two cgroup interfaces the host has, or none.
// The group is at the top of the tree, not in the daemon's: stopping the daemon's unit must not end its VMs.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Op } from '../op.ts'
import type { VmSpec } from '../driver.ts'

export interface Cgroups {
  /** One sentence: where VMs are bounded, or why they are not. */
  readonly reason: string
  /** Makes the VM's group; what is started right after can be put in with enter(). */
  prepare(spec: VmSpec): void
  /** Takes some ms, for which the kernel makes every processor pass a quiet point; QEMU starts meanwhile. */
  enter(id: string, pid: number): Promise<void>
  /** Times the kernel killed the VM for memory. */
  memoryKills(id: string): number
  remove(op: Op, id: string): Promise<void>
}

/** What QEMU itself needs besides the guest's memory: up to 64 MB of translated code, as much again of its own, and slack. */
export const MEMORY_OVERHEAD_MB = 256
/** Besides vCPUs: main loop, RCU and up to 64 threads of the block layer. */
const OTHER_THREADS = 80

/** `parent` null: use none. */
export function findCgroups(parent: string | null, root = '/sys/fs/cgroup'): Cgroups {
  if (parent === null) return none('Bounds need root, and can be switched off: VMs are not bounded')
  try {
    if (existsSync(join(root, 'cgroup.controllers'))) return unified(root, parent)
    if (existsSync(join(root, 'memory', 'memory.limit_in_bytes'))) return separate(root, parent)
    return none(`No memory controller below ${root}: VMs are not bounded`)
  } catch (error) {
    return none(`Control groups below ${root} cannot be used (${(error as Error).message}): VMs are not bounded`)
  }
}

function unified(root: string, parent: string): Cgroups {
  const top = join(root, parent)
  mkdirSync(top, { recursive: true })
  for (const level of [root, top]) writeFileSync(join(level, 'cgroup.subtree_control'), '+memory +pids')
  return {
    reason: `VMs are bounded by ${top}`,
    prepare(spec) {
      const group = join(top, spec.id)
      mkdirSync(group, { recursive: true })
      writeFileSync(join(group, 'memory.max'), `${memoryLimit(spec)}`)
      writeFileSync(join(group, 'pids.max'), `${spec.vcpus + OTHER_THREADS}`)
    },
    enter: (id, pid) => enterGroup(join(top, id), pid),
    memoryKills: (id) => readCount(join(top, id, 'memory.events')),
    remove: (op, id) => removeGroup(op, join(top, id)),
  }
}

function separate(root: string, parent: string): Cgroups {
  const [memory, pids] = [join(root, 'memory', parent), join(root, 'pids', parent)]
  const tops = [memory, pids]
  for (const top of tops) mkdirSync(top, { recursive: true })
  return {
    reason: `VMs are bounded by ${memory} and ${pids}`,
    prepare(spec) {
      for (const top of tops) mkdirSync(join(top, spec.id), { recursive: true })
      writeFileSync(join(memory, spec.id, 'memory.limit_in_bytes'), `${memoryLimit(spec)}`)
      writeFileSync(join(pids, spec.id, 'pids.max'), `${spec.vcpus + OTHER_THREADS}`)
    },
    async enter(id, pid) {
      for (const top of tops) await enterGroup(join(top, id), pid)
    },
    memoryKills: (id) => readCount(join(memory, id, 'memory.oom_control')),
    async remove(op, id) {
      for (const top of tops) await removeGroup(op, join(top, id))
    },
  }
}

function none(reason: string): Cgroups {
  return { reason, prepare() {}, enter: () => Promise.resolve(), memoryKills: () => 0, remove: () => Promise.resolve() }
}

const memoryLimit = (spec: VmSpec): number => (spec.memoryMb + MEMORY_OVERHEAD_MB) * 1024 * 1024

function readCount(path: string): number {
  try {
    return Number(/^oom_kill (\d+)/m.exec(readFileSync(path, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function enterGroup(group: string, pid: number): Promise<void> {
  try {
    await writeFile(join(group, 'cgroup.procs'), `${pid}`)
  } catch (error) {
    // It ended already, and why is told by whoever watches it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Busy for a moment after the last process ended. */
async function removeGroup(op: Op, group: string): Promise<void> {
  for (;;) {
    try {
      return rmdirSync(group)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY') throw error
    }
    await op.race(sleep(5))
  }
}
