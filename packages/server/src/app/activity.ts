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
    for (const [machineId, lastActiveAt] of [...this.#lastAt]) {
      await updateMachine(db, machineId, { lastActiveAt }, ['running'])
      if (this.#lastAt.get(machineId) === lastActiveAt) this.#lastAt.delete(machineId)
    }
  }
}
