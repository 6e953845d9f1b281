// How long a machine stood still, by its own clock: that stands with it, so it falls behind the host's by as much.

import type { Api } from './api.ts'

export interface ClockReading {
  /** Guest's monotonic clock minus the host's, ms; the difference of two readings counts. */
  readonly offsetMs: number
  /** By which that may be wrong. */
  readonly withinMs: number
}

const TRIES = 8

/** The reading that took the least time is the one that is known best. */
export async function readClock(api: Api, id: string): Promise<ClockReading> {
  const readings: ClockReading[] = []
  for (let i = 0; i < TRIES; i++) {
    const before = performance.now()
    // Its fork and exec come before, so the time is read near the end; the same in every reading.
    const uptime = await api.exec(id, { command: 'cat', args: ['/proc/uptime'] })
    const after = performance.now()
    readings.push({ offsetMs: Number.parseFloat(uptime) * 1000 - (before + after) / 2, withinMs: (after - before) / 2 + 10 })
  }
  return readings.toSorted((one, other) => one.withinMs - other.withinMs)[0]! // there are TRIES of them
}
