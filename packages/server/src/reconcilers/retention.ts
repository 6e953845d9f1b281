// Forgets what happened long ago, and of each owner what is too much, so that the store stays bounded however busy an
// owner is. Everything goes in small parts, so that requests get their turn.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { App } from '../app/context.ts'
import { deleteEvents, eventOwners, oldestEvents, readEventKeys } from '../store/tables/events.ts'
import { dropDeliveries, giveUpDeliveries, listWebhookRows } from '../store/tables/webhooks.ts'
import { Pace } from './pace.ts'
import type { Reconciler } from './reconciler.ts'

const DAY_MS = 24 * 3_600_000
/** Events read at once, or removed: each may take 50 deliveries along. */
const LOOK = 1_000
const PART = 100

export interface Kept {
  readonly days: number
  readonly eventsPerOwner?: number
  readonly bytesPerOwner?: number
  readonly deliveriesPerWebhook?: number
  /** ms of a clock that only goes forward. */
  readonly monotonic?: () => number
}

type Deps = Pick<App, 'db' | 'clock' | 'log' | 'outbox'>

/** Events go with their deliveries. */
export function retention(app: Deps, kept: Kept): Reconciler {
  const { days, deliveriesPerWebhook = 10_000, monotonic = () => performance.now() } = kept
  const bounds = { events: kept.eventsPerOwner ?? 200_000, bytes: kept.bytesPerOwner ?? 64 * 1024 * 1024 }
  const pace = new Pace()
  /** One owner after the other: who looks anew has what was written meanwhile. */
  let trimmed: Promise<void> = Promise.resolve()
  const trimOwner = (ownerId: string): Promise<void> => {
    const work = trimmed.then(async () => {
      await forgetExcess(app, ownerId, bounds)
      for (const { id } of await listWebhookRows(app.db, ownerId)) await trimWebhook(app, id, deliveriesPerWebhook)
    })
    trimmed = work.catch(() => {})
    return work
  }
  // Between two runs an owner could fill the disk.
  app.outbox.onMuch((ownerId) => {
    trimOwner(ownerId).catch((error: unknown) => app.log.error({ err: error, owner: ownerId }, 'events could not be trimmed; they will be'))
  })
  return {
    name: 'retention',
    everyMs: 300_000,
    async run() {
      const now = app.clock.now()
      if (pace.look(now, monotonic())) await forgetOld(app, now - days * DAY_MS)
      // Deliveries are of events: who has none has none.
      for (const ownerId of await eventOwners(app.db)) await trimOwner(ownerId)
    },
  }
}

/** But not what a webhook is still to be told. */
async function forgetOld({ db }: Deps, before: number): Promise<void> {
  for (let afterSeq = 0; ; await nextTurn()) {
    const rows = await oldestEvents(db, { afterSeq, limit: PART })
    const old = rows.filter(({ occurredAt }) => occurredAt < before)
    const forgotten = old.filter(({ unsent }) => !unsent)
    await deleteEvents(
      db,
      forgotten.map(({ seq }) => seq),
    )
    // The order is that of time, nearly.
    if (old.length === 0 || rows.length < PART) return
    afterSeq = rows.at(-1)?.seq ?? afterSeq
  }
}

/** What is past the newest ones of an owner, whatever it is. */
async function forgetExcess({ db }: Deps, ownerId: string, bounds: { events: number; bytes: number }): Promise<void> {
  const last = await firstTooMany(db, ownerId, bounds)
  for (; last !== null; await nextTurn()) {
    const keys = await readEventKeys(db, { ownerId, upToSeq: last }, { order: 'asc', limit: PART, metadata: false })
    await deleteEvents(
      db,
      keys.map(({ seq }) => seq),
    )
    if (keys.length < PART) return
  }
}

/** The newest event that is not kept any more. */
async function firstTooMany(db: Deps['db'], ownerId: string, bounds: { events: number; bytes: number }): Promise<number | null> {
  let events = 0
  let bytes = 0
  for (let upToSeq = Number.MAX_SAFE_INTEGER; ; await nextTurn()) {
    const keys = await readEventKeys(db, { ownerId, upToSeq }, { order: 'desc', limit: LOOK, metadata: false })
    for (const key of keys) {
      events += 1
      bytes += key.bytes
      if (events > bounds.events || bytes > bounds.bytes) return key.seq
    }
    if (keys.length < LOOK) return null
    upToSeq = (keys.at(-1)?.seq ?? 1) - 1
  }
}

async function trimWebhook({ db, log }: Deps, webhookId: string, most: number): Promise<void> {
  const all = async (part: typeof dropDeliveries): Promise<number> => {
    let sum = 0
    for (let count = -1; count !== 0; await nextTurn()) sum += count = await part(db, webhookId, { most, limit: LOOK })
    return sum
  }
  await all(dropDeliveries)
  const given = await all(giveUpDeliveries)
  if (given > 0) log.warn({ webhook: webhookId, given }, 'a webhook had more deliveries waiting than are kept; the oldest were given up')
}
