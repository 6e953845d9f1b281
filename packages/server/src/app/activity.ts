// When each machine was last used, and what uses it now. Kept in memory and written by a timer: a command costs no
// database write for it.

import type { Db } from '../store/db.ts'
import { updateMachine } from '../store/tables/machines.ts'

export class Activity {
  readonly #lastAt = new Map<string, number>()
  readonly #leases = new Map<string, number>()

  touch(machineId: string, now: number): void {
    this.#lastAt.set(machineId, now)
  }

  /** While it is held the machine is not idle, however long that takes. Release it once. */
  lease(machineId: string, now: () => number): Disposable {
    this.touch(machineId, now())
    this.#leases.set(machineId, (this.#leases.get(machineId) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = (this.#leases.get(machineId) ?? 1) - 1
        if (left > 0) this.#leases.set(machineId, left)
        else this.#leases.delete(machineId)
        this.touch(machineId, now())
      },
    }
  }

  busy(machineId: string): boolean {
    return this.#leases.has(machineId)
  }

  /** Not yet written; undefined when nothing happened since the last flush. */
  lastAt(machineId: string): number | undefined {
    return this.#lastAt.get(machineId)
  }

  async flush(db: Db): Promise<void> {
    const due = [...this.#lastAt]
    if (due.length === 0) return
    // One transaction, so one wait for the disk.
    await db.transaction().execute(async (tx) => {
      for (const [machineId, lastActiveAt] of due) await updateMachine(tx, machineId, { lastActiveAt }, ['running'])
    })
    for (const [machineId, lastActiveAt] of due) if (this.#lastAt.get(machineId) === lastActiveAt) this.#lastAt.delete(machineId)
  }
}
