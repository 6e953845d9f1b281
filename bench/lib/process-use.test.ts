import { identify } from '@nullspace/vmm/qemu/process.ts'
import { expect, it } from 'vitest'
import { memoryDuring, residentOf, spending } from './process-use.ts'

it('reads resident memory, and finds none where the process has none left', () => {
  expect(residentOf('Name:\tnode\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t1\n')).toBe(1024 * 1024)
  expect(() => residentOf('Name:\tnode\nState:\tZ (zombie)\n')).toThrow('gone')
})

function work(ms: number): void {
  const { user, system } = process.cpuUsage()
  for (;;) {
    const now = process.cpuUsage()
    if (now.user + now.system - user - system > ms * 1000) return
  }
}

it('counts the processor time of a process during the work, and not before', async () => {
  const processes = { own: identify(process.pid)! } // we are there
  work(150)
  const none = await spending(processes, async () => {})
  const some = await spending(processes, async () => work(150))
  // Counted in steps of 10 ms.
  expect(some.cpuMs.own).toBeGreaterThanOrEqual(130)
  expect(none.cpuMs.own).toBeLessThan(some.cpuMs.own)
})

it('keeps the most memory that there was, also at the very end', async () => {
  let held = Buffer.alloc(0)
  const { before, peak, after } = await memoryDuring(process.pid, async () => {
    held = Buffer.alloc(64 * 1024 * 1024, 1)
  })
  expect(held.length).toBeGreaterThan(0)
  expect(peak).toBe(after)
  expect(after - before).toBeGreaterThan(32 * 1024 * 1024)
})
