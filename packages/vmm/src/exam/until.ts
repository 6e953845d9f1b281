// Waiting in tests: for a condition, with a bound, and with the last thing seen in the error.

import { setTimeout as sleep } from 'node:timers/promises'

/** Returns the first value that passes; an error counts as not yet. */
export async function until<T>(
  look: () => T | Promise<T>,
  passes: (value: T) => boolean,
  { withinMs = 5000, what = 'condition' } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs
  let last: unknown
  for (let pause = 2; ; pause = Math.min(100, pause * 1.5)) {
    try {
      const value = await look()
      if (passes(value)) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) break
    await sleep(pause)
  }
  const seen = last instanceof Error ? last.message : JSON.stringify(last)
  throw new Error(`${what}: not within ${withinMs} ms; last seen: ${seen}`)
}
