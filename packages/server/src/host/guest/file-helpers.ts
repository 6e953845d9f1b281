// The file helpers of one guest: a few run at a time, those that have nothing to do are kept for a while, and who finds none
// free waits in line.

import type { Op } from '../../observe/op.ts'
import { FileHelper, type FilesAs, type StartHelper } from './file-helper.ts'
import { FileRefused } from './guest-files.ts'

/** Of them all, busy and idle; watches have their own. */
const MOST_RUNNING = 4
const MOST_WATCHES = 32
/** One of root does nobody harm; a user who has a process cannot be removed. */
const IDLE_MS = { root: 30_000, others: 1_000 }

/** A helper for the time of one request. */
export interface Lease {
  readonly helper: FileHelper
  /** It has served before, and may have died since without our knowing. */
  readonly reused: boolean
  /** Once; one that is dead or has more to say than it was asked is not kept. */
  giveBack(): void
}

interface Idle {
  readonly helper: FileHelper
  readonly key: string
  readonly timer: NodeJS.Timeout
}

export class FileHelpers {
  readonly #start: StartHelper
  /** Oldest first. */
  #idle: readonly Idle[] = []
  #busy = 0
  readonly #waiting: (() => void)[] = []
  #watches = 0

  constructor(start: StartHelper) {
    this.#start = start
  }

  /** One that is idle, unless it is to be a `fresh` one. */
  async take(op: Op, as: FilesAs, { fresh }: { readonly fresh: boolean }): Promise<Lease> {
    await this.#turn(op)
    try {
      const key = JSON.stringify([as.user, as.base])
      const kept = fresh ? undefined : this.#idle.findLast((one) => one.key === key)
      if (kept) this.#leaveIdle(kept)
      kept?.helper.wake()
      while (this.#busy + this.#idle.length > MOST_RUNNING) this.#retire(this.#idle[0])
      const helper = kept?.helper ?? (await FileHelper.start(op, as, this.#start))
      return { helper, reused: kept !== undefined, giveBack: () => this.#giveBack(helper, key, as) }
    } catch (error) {
      this.#next()
      throw error
    }
  }

  /** For a watch, which keeps it. Rejects with FileRefused `too_many`. */
  async takeOwn(op: Op, as: FilesAs): Promise<Lease> {
    if (this.#watches === MOST_WATCHES) throw new FileRefused('too_many', `this machine has ${MOST_WATCHES} watches already`)
    this.#watches++
    try {
      const helper = await FileHelper.start(op, as, this.#start)
      const giveBack = (): void => {
        this.#watches--
        helper.kill(new Error('The watch has ended'))
      }
      return { helper, reused: false, giveBack }
    } catch (error) {
      this.#watches--
      throw error
    }
  }

  /** First come, first served. */
  async #turn(op: Op): Promise<void> {
    op.throwIfDone()
    if (this.#busy < MOST_RUNNING) {
      this.#busy++
      return
    }
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn.resolve)
    try {
      await op.race(turn.promise)
    } catch (error) {
      const at = this.#waiting.indexOf(turn.resolve)
      if (at !== -1) this.#waiting.splice(at, 1)
      // It came in the same moment.
      else this.#next()
      throw error
    }
  }

  #next(): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting()
    else this.#busy--
  }

  #giveBack(helper: FileHelper, key: string, { user }: FilesAs): void {
    const idleMs = user === '' || user === 'root' ? IDLE_MS.root : IDLE_MS.others
    const idle: Idle = { helper, key, timer: setTimeout(() => this.#retire(idle), idleMs).unref() }
    if (helper.rest(() => this.#leaveIdle(idle))) this.#idle = [...this.#idle, idle]
    else clearTimeout(idle.timer)
    this.#next()
  }

  #leaveIdle(idle: Idle): void {
    clearTimeout(idle.timer)
    this.#idle = this.#idle.filter((one) => one !== idle)
  }

  #retire(idle: Idle | undefined): void {
    if (!idle) return
    this.#leaveIdle(idle)
    idle.helper.kill(new Error('The file helper was idle'))
  }
}
