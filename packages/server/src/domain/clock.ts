/** Time and chance are parameters, so that tests can set them. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
