// What a VM's process costs in memory, and what that is made of. PSS: a page that several have mapped counts for each by its share.

import { readFileSync } from 'node:fs'
import { findVms, isBelow } from '@nullspace/vmm/qemu/find.ts'
import type { ProcessId } from '@nullspace/vmm/qemu/process.ts'

/** KiB. */
export interface Footprint {
  /** Pages that the guest changed. */
  readonly ownMemory: number
  /** Its share of pages that it has from its snapshot as they were. */
  readonly sharedMemory: number
  readonly translatedCode: number
  /** What the hypervisor allocated. */
  readonly heap: number
  /** Its share of program and libraries. */
  readonly files: number
}

export const PARTS = {
  ownMemory: 'guest memory that it changed',
  sharedMemory: 'guest memory as in the snapshot, its share',
  translatedCode: 'translated code',
  heap: 'heap, stacks and tables of QEMU',
  files: 'program and libraries, its share',
} as const satisfies Record<keyof Footprint, string>

const MEMORY_FILE = /\/memory( \(deleted\))?$/

export function footprintOf(smaps: string): Footprint {
  const sum = { ownMemory: 0, sharedMemory: 0, translatedCode: 0, heap: 0, files: 0 }
  let mapping = { executable: false, path: '' }
  for (const line of smaps.split('\n')) {
    const head = /^[0-9a-f]+-[0-9a-f]+ (\S{4}) \S+ \S+ \d+ *(.*)$/.exec(line)
    if (head) mapping = { executable: head[1]?.includes('x') ?? false, path: head[2] ?? '' }
    const [, field, value] = /^(Pss|Anonymous): +(\d+) kB$/.exec(line) ?? []
    const kib = Number(value)
    if (MEMORY_FILE.test(mapping.path)) {
      if (field === 'Pss') sum.sharedMemory += kib
      if (field === 'Anonymous') {
        // Nobody else has these, so they are in the PSS whole.
        sum.sharedMemory -= kib
        sum.ownMemory += kib
      }
    } else if (field === 'Pss') {
      if (mapping.path.startsWith('/')) sum.files += kib
      else sum[mapping.executable && mapping.path === '' ? 'translatedCode' : 'heap'] += kib
    }
  }
  return sum
}

export const total = (footprint: Footprint): number => Object.values(footprint).reduce((sum, part) => sum + part, 0)

export function footprint(runRoot: string, id: string): Footprint {
  return footprintOf(readFileSync(`/proc/${vmProcess(runRoot, id).pid}/smaps`, 'utf8'))
}

/** Of the VM with this name below the directory. */
export function vmProcess(runRoot: string, id: string): ProcessId {
  const vm = findVms().find((one) => one.id === id && isBelow(runRoot, one.dir))
  if (!vm) throw new Error(`${id} has no process`)
  return vm.process
}

/** VMs that run below the directory. */
export const countVms = (runRoot: string): number => findVms().filter(({ dir }) => isBelow(runRoot, dir)).length
