// Taking a time, and leaving some between two.

import { setTimeout as sleep } from 'node:timers/promises'

/** After a machine was destroyed or a container removed: the kernel and the daemon's upkeep get done with it. */
const REST_MS = 300

export const rest = (times = 1): Promise<void> => sleep(times * REST_MS)

/** ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

export async function rested<T>(work: Promise<T>): Promise<T> {
  const result = await work
  await rest()
  return result
}
