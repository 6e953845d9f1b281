// Processes by an identity that survives our own death: a pid alone may belong to another by the time we look again.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Op } from '../op.ts'

export interface ProcessId {
  readonly pid: number
  /** Clock ticks since boot; kept through exec, so it is known as soon as the process is forked. */
  readonly startTime: string
}

interface Stat {
  readonly state: string
  readonly startTime: string
  /** User and system time. */
  readonly ticks: number
}

/** Changes with every boot of the host. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

export function identify(pid: number): ProcessId | null {
  const stat = readStat(pid)
  return stat && { pid, startTime: stat.startTime }
}

export function isAlive(process_: ProcessId): boolean {
  return statOf(process_) !== null
}

/**
 * SIGKILL. Nothing is awaited between the check and the signal, so the pid would have to come round once within
 * microseconds to hit another process.
 */
export function killProcess(process_: ProcessId): void {
  if (!isAlive(process_)) return
  try {
    process.kill(process_.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** For a process that is not our child, or whose parent died: there is no event, so look, ever less often. */
export async function waitUntilGone(op: Op, process_: ProcessId, longestPauseMs = 250): Promise<void> {
  for (let pause = 2; isAlive(process_); pause = Math.min(longestPauseMs, pause * 1.5)) {
    await op.race(sleep(pause))
  }
}

/** User and system time, seconds. */
export function cpuSeconds(process_: ProcessId): number | null {
  const stat = statOf(process_)
  return stat && stat.ticks / TICKS_PER_SECOND
}

/** USER_HZ, fixed at 100 in the ABI of every architecture that Linux runs VMs on. */
const TICKS_PER_SECOND = 100

/** A zombie counts as gone: it holds nothing any more, and who reaps it is not always us. */
function statOf(process_: ProcessId): Stat | null {
  const stat = readStat(process_.pid)
  return stat?.startTime === process_.startTime && stat.state !== 'Z' && stat.state !== 'X' ? stat : null
}

function readStat(pid: number): Stat | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    // Anything else, such as too many open files, does not mean that the process is gone.
    if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return null
    throw error
  }
  // The second field is the program's name in brackets, and may contain brackets and spaces itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  if (!state || !startTime) return null
  return { state, startTime, ticks: Number(fields[11]) + Number(fields[12]) }
}
