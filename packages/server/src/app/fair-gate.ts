// Lets a few through at a time, and nobody for long at the cost of others: whoever has the fewest inside is next, and
// among those the one whose last turn, or whose coming, is the longest ago. So a line of a thousand holds up its own owner only.

type Turn = () => void

export class FairGate {
  readonly #inAll: number
  readonly #perOwner: number
  /** In the order in which owners came or were last let in; those without a line are not in it. */
  readonly #lines = new Map<string, Turn[]>()
  readonly #inside = new Map<string, number>()
  #all = 0

  constructor({ inAll, perOwner }: { inAll: number; perOwner: number }) {
    this.#inAll = inAll
    this.#perOwner = perOwner
  }

  /** Rejects with the signal's reason when it is aborted before its turn. */
  async pass<T>(ownerId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    await this.#enter(ownerId, signal)
    try {
      return await work()
    } finally {
      this.#count(ownerId, -1)
      this.#letIn()
    }
  }

  #enter(ownerId: string, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const turn = (): void => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      const rest = this.#lines.get(ownerId)?.filter((other) => other !== turn) ?? []
      if (rest.length > 0) this.#lines.set(ownerId, rest)
      else this.#lines.delete(ownerId)
      reject(signal?.reason)
    }
    const line = this.#lines.get(ownerId)
    if (line) line.push(turn)
    else this.#lines.set(ownerId, [turn])
    signal?.addEventListener('abort', leave, { once: true })
    this.#letIn()
    return promise
  }

  #letIn(): void {
    while (this.#all < this.#inAll) {
      const ownerId = this.#next()
      const line = ownerId === null ? undefined : this.#lines.get(ownerId)
      const turn = line?.shift()
      if (ownerId === null || !line || !turn) return
      this.#lines.delete(ownerId)
      if (line.length > 0) this.#lines.set(ownerId, line)
      // Counted here: by the time that it runs, others may have been let in.
      this.#count(ownerId, 1)
      turn()
    }
  }

  #next(): string | null {
    let best: string | null = null
    let fewest = this.#perOwner
    for (const ownerId of this.#lines.keys()) {
      const inside = this.#inside.get(ownerId) ?? 0
      if (inside < fewest) [best, fewest] = [ownerId, inside]
    }
    return best
  }

  #count(ownerId: string, by: 1 | -1): void {
    this.#all += by
    const inside = (this.#inside.get(ownerId) ?? 0) + by
    if (inside > 0) this.#inside.set(ownerId, inside)
    else this.#inside.delete(ownerId)
  }
}
