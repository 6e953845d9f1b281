// One place per key: what changes a machine holds it. Callers that find it taken are told who has it, they do not wait.

export class KeyedLock {
  readonly #holders = new Map<string, { readonly what: string; readonly done: Promise<unknown> }>()

  /** Who holds the key now. */
  holder(key: string): string | undefined {
    return this.#holders.get(key)?.what
  }

  /** Runs `work` under the key, or returns null at once when it is taken. */
  tryRun<T>(key: string, what: string, work: () => Promise<T>): Promise<T> | null {
    if (this.#holders.has(key)) return null
    const done = (async () => {
      try {
        return await work()
      } finally {
        this.#holders.delete(key)
      }
    })()
    this.#holders.set(key, { what, done })
    return done
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
