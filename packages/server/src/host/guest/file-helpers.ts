// The file helpers of one guest: a few run at a time, those that have nothing to do are kept for a while, and who finds none
// free waits in line. Contents go as slowly as their other end likes, and never keep all of them.

import type { Op } from '../../observe/op.ts'
import { FileHelper, type FilesAs, type StartHelper } from './file-helper.ts'
import { FileRefused } from './guest-files.ts'

/** Of them all, busy and idle; watches have their own. */
const MOST_RUNNING = 5
/** With contents, or results that a client takes one by one. */
const MOST_FLOWING = 4
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
  readonly #all = new Line(MOST_RUNNING)
  readonly #flowing = new Line(MOST_FLOWING)
  #watches = 0

  constructor(start: StartHelper) {
    this.#start = start
  }

  /** One that is idle, unless it is to be a `fresh` one. `flows`: as fast as its other end. */
  async take(op: Op, as: FilesAs, { fresh, flows }: { readonly fresh: boolean; readonly flows: boolean }): Promise<Lease> {
    if (flows) await this.#flowing.enter(op)
    try {
      const lease = await this.#take(op, as, fresh)
      if (!flows) return lease
      const giveBack = (): void => {
        lease.giveBack()
        this.#flowing.leave()
      }
      return { ...lease, giveBack }
    } catch (error) {
      if (flows) this.#flowing.leave()
      throw error
    }
  }

  async #take(op: Op, as: FilesAs, fresh: boolean): Promise<Lease> {
    await this.#all.enter(op)
    try {
      const key = JSON.stringify([as.user, as.base])
      const kept = fresh ? undefined : this.#idle.findLast((one) => one.key === key)
      if (kept) this.#leaveIdle(kept)
      kept?.helper.wake()
      while (this.#all.inside + this.#idle.length > MOST_RUNNING) this.#retire(this.#idle[0])
      const helper = kept?.helper ?? (await FileHelper.start(op, as, this.#start))
      return { helper, reused: kept !== undefined, giveBack: () => this.#giveBack(helper, key, as) }
    } catch (error) {
      this.#all.leave()
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

  #giveBack(helper: FileHelper, key: string, { user }: FilesAs): void {
    const idleMs = user === '' || user === 'root' ? IDLE_MS.root : IDLE_MS.others
    const idle: Idle = { helper, key, timer: setTimeout(() => this.#retire(idle), idleMs).unref() }
    if (helper.rest(() => this.#leaveIdle(idle))) this.#idle = [...this.#idle, idle]
    else clearTimeout(idle.timer)
    this.#all.leave()
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

/** First come, first served. */
class Line {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(most: number) {
    this.#most = most
  }

  get inside(): number {
    return this.#inside
  }

  async enter(op: Op): Promise<void> {
    op.throwIfDone()
    if (this.#inside < this.#most) {
      this.#inside++
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
      else this.leave()
      throw error
    }
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#inside--
  }
}
