// What processes use while something goes on: processor time, and memory.

import { readFileSync } from 'node:fs'
import { cpuSeconds, type ProcessId } from '@nullspace/vmm/qemu/process.ts'

export interface Spent<K extends string> {
  readonly ms: number
  /** Processor time, ms; known to 10. */
  readonly cpuMs: Readonly<Record<K, number>>
}

/** What the work took, and what each of the processes did meanwhile. */
export async function spending<K extends string>(
  processes: Readonly<Record<K, ProcessId>>,
  work: () => Promise<unknown>,
): Promise<Spent<K>> {
  const names = Object.keys(processes) as K[]
  const used = (): number[] => names.map((name) => (cpuSeconds(processes[name]) ?? Number.NaN) * 1000)
  const before = used()
  const startedAt = performance.now()
  await work()
  const ms = performance.now() - startedAt
  const after = used()
  const cpuMs = Object.fromEntries(names.map((name, i) => [name, after[i]! - before[i]!])) as Record<K, number> // as many as names
  return { ms, cpuMs }
}

/** Bytes. */
export interface MemoryCourse {
  readonly before: number
  readonly peak: number
  readonly after: number
}

const LOOK_EVERY_MS = 50

/** Resident memory of a process during the work. */
export async function memoryDuring(pid: number, work: () => Promise<unknown>): Promise<MemoryCourse> {
  const look = (): number => residentOf(readFileSync(`/proc/${pid}/status`, 'utf8'))
  const before = look()
  let peak = before
  const timer = setInterval(() => (peak = Math.max(peak, look())), LOOK_EVERY_MS)
  await work().finally(() => clearInterval(timer))
  const after = look()
  return { before, peak: Math.max(peak, after), after }
}

/** From /proc/PID/status, bytes. */
export function residentOf(status: string): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kib === undefined) throw new Error('the process is gone')
  return Number(kib) * 1024
}
