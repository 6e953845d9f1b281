// What is said of a series of measurements. A failed attempt has no time; it counts in the success rate.

export interface Summary {
  /** Attempts. */
  readonly n: number
  /** 0 to 1. */
  readonly successRate: number
  /** Of the attempts that succeeded, in the unit they came in; null when none did. */
  readonly times: { readonly min: number; readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | null
}

/** `undefined` stands for an attempt that failed. */
export function summarise(attempts: readonly (number | undefined)[]): Summary {
  const times = attempts.filter((time) => time !== undefined).toSorted((a, b) => a - b)
  return {
    n: attempts.length,
    successRate: attempts.length === 0 ? 0 : times.length / attempts.length,
    times:
      times.length === 0
        ? null
        : { min: times[0]!, p50: quantile(times, 0.5), p95: quantile(times, 0.95), p99: quantile(times, 0.99), max: times.at(-1)! }, // not empty
  }
}

/** Between the two nearest values in proportion (type 7 of Hyndman and Fan, as R and NumPy do). `sorted` ascends. */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) throw new RangeError('a quantile of nothing')
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)]! // within bounds, as q is 0 to 1
  const above = sorted[Math.ceil(at)]!
  return below + (above - below) * (at - Math.floor(at))
}

export interface Bar {
  readonly name: string
  /** What was reached; null when a side of it could not be measured. */
  readonly value: number | null
  readonly limit: number
  readonly atMost: boolean
  /** None: a count. */
  readonly unit: '×' | 'ms' | 's' | '%' | 'MB' | 'MB/s' | ''
}

export function isHeld({ value, limit, atMost }: Bar): boolean {
  return value !== null && (atMost ? value <= limit : value >= limit)
}

export function ratio(one: number | undefined, other: number | undefined): number | null {
  return one === undefined || other === undefined || other === 0 ? null : one / other
}

/** MB/s. */
export function throughput(bytes: number, ms: number | undefined): number | null {
  return ms === undefined || ms === 0 ? null : bytes / 1000 / ms
}

/** The slowest against the median, of what was begun together: 1 when all took the same, 2 in a line of which one is served after another. */
export function unevenness(times: readonly number[]): number | null {
  const { max, p50 } = summarise(times).times ?? {}
  return ratio(max, p50)
}
