// An operation in flight: how long it may take, whether its caller still wants it, and what it did so far.
// Everything that waits takes one first, so a deadline cannot be forgotten on the way down.

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

export interface OpLine {
  /** ms since the operation began. */
  readonly at: number
  readonly text: string
}

export class Op {
  readonly name: string
  readonly signal: AbortSignal
  readonly #startedAt = performance.now()
  readonly #deadlineAt: number
  readonly #lines: OpLine[] = []
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined

  constructor(name: string, { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined }) {
    this.name = name
    this.#deadlineAt = this.#startedAt + timeoutMs
    if (Number.isFinite(timeoutMs)) {
      this.#timer = setTimeout(() => this.#controller.abort(this.#late()), timeoutMs)
      this.#timer.unref()
    }
    this.signal = signal ? AbortSignal.any([this.#controller.signal, signal]) : this.#controller.signal
  }

  /** ms left; 0 when the deadline has passed. */
  get remainingMs(): number {
    return Math.max(0, this.#deadlineAt - performance.now())
  }
  get elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
  get lines(): readonly OpLine[] {
    return this.#lines
  }

  log(text: string): void {
    this.#lines.push({ at: Math.round(this.elapsedMs * 10) / 10, text })
  }

  throwIfDone(): void {
    this.signal.throwIfAborted()
  }

  /** Settles with `promise`, or rejects at the deadline; `late` gets the value of a promise that came after we gave up. */
  async race<T>(promise: Promise<T>, late?: (value: T) => void): Promise<T> {
    let given = false
    const abort = Promise.withResolvers<never>()
    const onAbort = (): void => {
      given = true
      abort.reject(this.signal.reason)
    }
    promise.then(
      (value) => given && late?.(value),
      () => {},
    )
    if (this.signal.aborted) onAbort()
    else this.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([promise, abort.promise])
    } finally {
      this.signal.removeEventListener('abort', onAbort)
    }
  }

  /** A part with a tighter deadline; it shares the log. */
  child(name: string, timeoutMs: number): Op {
    const part = new Op(name, { timeoutMs: Math.min(timeoutMs, this.remainingMs), signal: this.signal })
    part.log = (text) => this.log(`${name}: ${text}`)
    return part
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #late(): DeadlineError {
    const last = this.#lines.at(-1)
    return new DeadlineError(`${this.name} took longer than allowed${last ? `; last: ${last.text}` : ''}`)
  }
}
