// Whether a daemon has a spare machine ready. The API does not tell, so it is told by what a spare is: a VM that was run
// in and then stopped, and uses no processor any more.

import { setTimeout as sleep } from 'node:timers/promises'
import { findVms, isBelow } from '@nullspace/vmm/qemu/find.ts'
import { cpuSeconds } from '@nullspace/vmm/qemu/process.ts'

const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 250
/** Processor time is counted in steps of 10 ms: a VM that runs shows at least one in this many looks. */
const LOOKS = 4

export async function spareReady(runRoot: string): Promise<void> {
  const still = new Map<number, { cpu: number; looks: number }>()
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await sleep(LOOK_EVERY_MS)) {
    for (const { id, dir, process: vm } of findVms()) {
      if (!id.startsWith('spare-') || !isBelow(runRoot, dir)) continue
      const cpu = cpuSeconds(vm) ?? 0
      const last = still.get(vm.pid)
      const looks = last?.cpu === cpu ? last.looks + 1 : 0
      if (looks >= LOOKS && cpu > 0.1) return
      still.set(vm.pid, { cpu, looks })
    }
  }
  throw new Error(`no spare machine was ready within ${PATIENCE_MS / 1000} s`)
}
