// Several series from one course of things: a pause, the resume after it, and so on.

import type { Attempts } from './rounds.ts'
import { type Summary, summarise } from './stats.ts'

export class Recorder {
  readonly #series = new Map<string, Attempts>()

  /** Notes how long it took, or that it failed; then it rejects all the same. */
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    try {
      const result = await work()
      this.add(name, performance.now() - startedAt)
      return result
    } catch (error) {
      this.fail(name, error)
      throw error
    }
  }

  add(name: string, value: number): void {
    this.of(name).times.push(value)
  }

  fail(name: string, error: unknown): void {
    const { times, errors } = this.of(name)
    times.push(undefined)
    errors.push(error instanceof Error ? error.message : String(error))
  }

  /** After what was only to warm up. */
  clear(): void {
    this.#series.clear()
  }

  /** Empty when nothing was noted under it. */
  of(name: string): Attempts {
    let series = this.#series.get(name)
    if (!series) this.#series.set(name, (series = { times: [], errors: [] }))
    return series
  }

  summary(name: string): Summary {
    return summarise(this.of(name).times)
  }

  p50(name: string): number | undefined {
    return this.summary(name).times?.p50
  }

  mean(name: string): number | null {
    const times = this.of(name).times.filter((time) => time !== undefined)
    return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0) / times.length
  }

  /** As a report wants them: null for what failed. */
  raw(): Record<string, (number | null)[]> {
    return Object.fromEntries([...this.#series].map(([name, { times }]) => [name, times.map((time) => time ?? null)]))
  }

  errors(): string[] {
    return [...this.#series].flatMap(([name, { errors }]) => errors.map((error) => `${name}: ${error}`))
  }
}
