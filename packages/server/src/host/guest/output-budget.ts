// Buffered output of all commands together: each is bounded, and many at once would still fill the daemon's memory.

export class OutputBudget {
  readonly #most: number
  #held = 0

  /** Bytes that may be held at the same time. */
  constructor(most: number) {
    this.#most = most
  }

  /** One command's share; `add` is false when there is no room for more. */
  take(): { add(bytes: number): boolean; release(): void } {
    let mine = 0
    return {
      add: (bytes) => {
        if (this.#held + bytes > this.#most) return false
        this.#held += bytes
        mine += bytes
        return true
      },
      release: () => {
        this.#held -= mine
        mine = 0
      },
    }
  }
}
