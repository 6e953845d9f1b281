// One place per key: what changes a machine holds it. Callers that find it taken are told who has it, they do not wait.

/** Operations that bring forth what they hold. */
const MAKERS: ReadonlySet<string> = new Set(['create', 'snapshot', 'fork'])

export class KeyedLock {
  readonly #holders = new Map<string, { readonly what: string; readonly done: Promise<unknown> }>()

  /** Who holds the key now. */
  holder(key: string): string | undefined {
    return this.#holders.get(key)?.what
  }

  /** Runs `work` under the key, or returns null at once when it is taken. */
  tryRun<T>(key: string, what: string, work: () => Promise<T>): Promise<T> | null {
    return this.tryRunAll([key], what, work)
  }

  /** The same for several keys: all of them, or none. */
  tryRunAll<T>(keys: readonly string[], what: string, work: () => Promise<T>): Promise<T> | null {
    if (keys.some((key) => this.#holders.has(key))) return null
    // Held before the work begins: it must find itself the holder.
    const done = Promise.withResolvers<T>()
    done.promise.catch(() => {})
    for (const key of keys) this.#holders.set(key, { what, done: done.promise })
    void (async () => {
      try {
        const result = await work()
        for (const key of keys) this.#holders.delete(key)
        done.resolve(result)
      } catch (error) {
        for (const key of keys) this.#holders.delete(key)
        done.reject(error)
      }
    })()
    return done.promise
  }

  /** Settles when what makes the thing of this key is done with it, well or not. */
  async making(key: string): Promise<void> {
    const holder = this.#holders.get(key)
    if (holder && MAKERS.has(holder.what)) await holder.done.catch(() => {})
  }

  /** Settles when nothing holds the key, at once when nothing does. */
  async released(key: string): Promise<void> {
    await this.#holders.get(key)?.done.catch(() => {})
  }

  /** The work in flight under the key, for those who want the same thing. */
  inFlight(key: string, what: string): Promise<unknown> | null {
    const holder = this.#holders.get(key)
    return holder?.what === what ? holder.done : null
  }

  /** Settles when all that runs now has. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#holders.values()].map((holder) => holder.done))
  }
}
