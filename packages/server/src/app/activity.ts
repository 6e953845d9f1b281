// When each machine was last used. Kept in memory and written by a timer: a command costs no database write for it.

import type { Db } from '../store/db.ts'
import { updateMachine } from '../store/tables/machines.ts'

export class Activity {
  readonly #lastAt = new Map<string, number>()

  touch(machineId: string, now: number): void {
    this.#lastAt.set(machineId, now)
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
