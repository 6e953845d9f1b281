// Following events from a place in their order on. Replay and live are one thing: a place to begin at, and everything
// that matches after it. So there is no seam at which an event could be missed or told twice.

import type { LifecycleEvent } from '@nullspace/contract/events.ts'
import { AppError } from '@nullspace/contract/errors.ts'
import { isDeepStrictEqual } from 'node:util'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Principal } from '../domain/principal.ts'
import { type EventFilter, type EventRow, findEvent, lastSeq, readEvents } from '../store/tables/events.ts'
import type { App } from './context.ts'
import { eventView } from './events.ts'

/** Events read at once; the largest are some 50 KiB. */
const BATCH = 50
/** Rows looked at before others get their turn. */
const SCAN = 500

export interface FollowRequest extends Pick<EventFilter, 'operation' | 'status' | 'aboutMachineId' | 'snapshotId'> {
  /** All pairs must be in an event's metadata. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** True of a filter that nothing can match. */
  readonly none: boolean
  readonly begin: { readonly after: string } | { readonly newest: number }
}

export interface EventStream {
  /** What has come since the last call, oldest first; empty when nothing has. */
  next(): Promise<LifecycleEvent[]>
}

/** Rejects when the event to begin after is not there, or not the caller's. */
export async function followEvents(app: Pick<App, 'db'>, { ownerId }: Principal, request: FollowRequest): Promise<EventStream> {
  const { begin, metadata, none, ...rest } = request
  const filter: EventFilter = { ...rest, ownerId }
  const wanted = Object.entries(metadata)
  const matches = (row: EventRow): boolean => {
    if (wanted.length === 0) return true
    const have = JSON.parse(row.metadata) as Record<string, unknown>
    return wanted.every(([key, value]) => Object.hasOwn(have, key) && isDeepStrictEqual(have[key], value))
  }
  let cursor = 'after' in begin ? await placeOf(app, ownerId, begin.after) : await beforeNewest(app, filter, matches, begin.newest)
  return {
    async next() {
      for (;;) {
        const head = await lastSeq(app.db)
        const rows = none ? [] : await readEvents(app.db, { ...filter, afterSeq: cursor, upToSeq: head }, { order: 'asc', limit: BATCH })
        const full = rows.length === BATCH
        cursor = full ? (rows.at(-1)?.seq ?? cursor) : Math.max(cursor, head)
        const events = rows.filter(matches).map(eventView)
        if (events.length > 0 || !full) return events
        await nextTurn()
      }
    },
  }
}

async function placeOf(app: Pick<App, 'db'>, ownerId: string, eventId: string): Promise<number> {
  const event = await findEvent(app.db, eventId)
  if (event?.owner_id === ownerId) return event.seq
  throw new AppError('invalid_request', { say: `after_event_id: there is no event ${eventId}; it may be older than events are kept.` })
}

/** The place just before the `count` newest events that match. */
async function beforeNewest(
  app: Pick<App, 'db'>,
  filter: EventFilter,
  matches: (row: EventRow) => boolean,
  count: number,
): Promise<number> {
  const head = await lastSeq(app.db)
  let before = head
  for (let left = count; left > 0; await nextTurn()) {
    const rows = await readEvents(app.db, { ...filter, upToSeq: before }, { order: 'desc', limit: SCAN })
    const fitting = rows.filter(matches).slice(0, left)
    left -= fitting.length
    if (left === 0) return (fitting.at(-1)?.seq ?? 1) - 1
    if (rows.length < SCAN) return 0
    before = (rows.at(-1)?.seq ?? 1) - 1
  }
  return head
}
