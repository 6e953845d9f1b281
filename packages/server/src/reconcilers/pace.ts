// Whether the wall clock can be trusted with what cannot be undone: it is set, back and forth, by people and by time
// servers, and what is a month old by it may be from this morning.

/** Between two looks, so much may be corrected without being a jump. */
const TOLERANCE_MS = 60_000
/** A clock that jumped is given so long to jump back. */
export const STEADY_MS = 3_600_000

export class Pace {
  #last: { readonly wallMs: number; readonly monotonicMs: number } | null = null
  #steadySince = 0

  /** True when the clock has gone on as time does, at every look of the last hour. */
  look(wallMs: number, monotonicMs: number): boolean {
    const last = this.#last
    this.#last = { wallMs, monotonicMs }
    const jump = last ? wallMs - last.wallMs - (monotonicMs - last.monotonicMs) : Infinity
    if (Math.abs(jump) > TOLERANCE_MS) this.#steadySince = monotonicMs
    return monotonicMs - this.#steadySince >= STEADY_MS
  }
}
