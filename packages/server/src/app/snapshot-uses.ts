// Which snapshots are being restored from now. In memory: a restore that a crash cuts off is undone, and needs nothing.

export class SnapshotUses {
  readonly #counts = new Map<string, number>()

  inUse(id: string): boolean {
    return this.#counts.has(id)
  }

  async during<T>(id: string, work: () => Promise<T>): Promise<T> {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const left = (this.#counts.get(id) ?? 1) - 1
      if (left > 0) this.#counts.set(id, left)
      else this.#counts.delete(id)
    }
  }
}
