// Following events from a place in their order on. Replay and live are one thing: a place to begin at, and everything
// that matches after it. So there is no seam at which an event could be missed or told twice.
//
// Looking through what happened is done in small steps, each with the turns of others before it, however many follow:
// no filter, and no number of subscriptions, keeps the daemon from its other work.

import type { LifecycleEvent } from '@nullspace/contract/events.ts'
import { AppError } from '@nullspace/contract/errors.ts'
import { isDeepStrictEqual } from 'node:util'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Principal } from '../domain/principal.ts'
import { type EventFilter, type EventKey, eventsAt, findEvent, lastSeq, placeOfNth, readEventKeys } from '../store/tables/events.ts'
import type { App } from './context.ts'
import { eventView } from './events.ts'

/** Of what is told at once; a larger event comes alone. */
const BATCH_BYTES = 64 * 1024
const BATCH = 50
/** Events of the owner that one step may pass over. */
const STEP = 500
/** Of those, whose metadata one step may look at: up to 16 KiB each. */
const COMPARED = 32
/** Events of the owner among which the newest that match are looked for. */
const LOOK_BACK = 10_000

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

type Deps = Pick<App, 'db' | 'tail'>

/** Rejects when the event to begin after is not there, or not the caller's; and when it is given up. */
export async function followEvents(app: Deps, { ownerId }: Principal, request: FollowRequest, signal?: AbortSignal): Promise<EventStream> {
  const { begin, metadata, none, ...rest } = request
  const search: Search = { app, filter: { ...rest, ownerId }, matches: comparison(metadata), signal }
  let cursor = 'after' in begin ? await placeOf(app, ownerId, begin.after) : await beforeNewest(search, none ? 0 : begin.newest)
  return {
    async next() {
      if (none) return []
      for (;;) {
        const head = await lastSeq(app.db)
        if (cursor >= head) return []
        const { events, end } = await step(search, () => forward(search, cursor, head))
        cursor = end
        if (events.length > 0) return events
      }
    },
  }
}

interface Search {
  readonly app: Deps
  readonly filter: EventFilter
  /** Null: all do. */
  readonly matches: ((metadata: string) => boolean) | null
  readonly signal: AbortSignal | undefined
}

/** A little of the work, in its turn; then everybody else's. */
function step<T>({ app, filter, signal }: Search, work: () => Promise<T>): Promise<T> {
  const withOthers = async (): Promise<T> => {
    const result = await work()
    await nextTurn()
    return result
  }
  return app.tail.turns.pass(filter.ownerId, withOthers, signal)
}

/** The next events after `cursor`, as many as are told at once, and the place up to which it was looked. */
async function forward({ app, filter, matches }: Search, cursor: number, head: number): Promise<{ events: LifecycleEvent[]; end: number }> {
  const end = (await placeOfNth(app.db, { ownerId: filter.ownerId, afterSeq: cursor, nth: STEP })) ?? head
  const limit = matches ? COMPARED : BATCH
  const keys = await readEventKeys(
    app.db,
    { ...filter, afterSeq: cursor, upToSeq: end },
    { order: 'asc', limit, metadata: matches !== null },
  )
  const wanted: number[] = []
  let bytes = 0
  for (const key of keys) {
    if (!fits(matches, key)) continue
    bytes += key.bytes
    if (wanted.length > 0 && bytes > BATCH_BYTES) return { events: await tell(app, wanted), end: wanted.at(-1) ?? end }
    wanted.push(key.seq)
  }
  return { events: await tell(app, wanted), end: keys.length === limit ? (keys.at(-1)?.seq ?? end) : end }
}

async function tell(app: Deps, seqs: readonly number[]): Promise<LifecycleEvent[]> {
  return (await eventsAt(app.db, seqs)).map(eventView)
}

async function placeOf(app: Deps, ownerId: string, eventId: string): Promise<number> {
  const event = await findEvent(app.db, eventId)
  if (event?.owner_id === ownerId) return event.seq
  throw new AppError('invalid_request', { say: `after_event_id: there is no event ${eventId}; it may be older than events are kept.` })
}

/** The place just before the `count` newest events that match, or those of them that are not too far back. */
async function beforeNewest(search: Search, count: number): Promise<number> {
  let place = await lastSeq(search.app.db)
  let before = place
  let left = count
  for (let passed = 0; left > 0 && before > 0 && passed < LOOK_BACK; passed += STEP) {
    const from = await step(search, () => placeOfNth(search.app.db, { ownerId: search.filter.ownerId, upToSeq: before, nth: STEP }))
    const low = from ?? 1
    for (let more = true; more && left > 0;) {
      const { seqs, end } = await step(search, () => backward(search, low, before))
      for (const seq of seqs.slice(0, left)) place = seq - 1
      left -= seqs.length
      more = end >= low
      before = end
    }
  }
  return place
}

/** What matches, newest first, and the place from which it is to be gone on. */
async function backward({ app, filter, matches }: Search, low: number, before: number): Promise<{ seqs: number[]; end: number }> {
  const limit = matches ? COMPARED : STEP
  const range = { ...filter, afterSeq: low - 1, upToSeq: before }
  const keys = await readEventKeys(app.db, range, { order: 'desc', limit, metadata: matches !== null })
  const seqs = keys.filter((key) => fits(matches, key)).map(({ seq }) => seq)
  return { seqs, end: (keys.length === limit ? (keys.at(-1)?.seq ?? low) : low) - 1 }
}

const fits = (matches: Search['matches'], { metadata }: EventKey): boolean => matches === null || (metadata !== null && matches(metadata))

/** Most of what does not match is seen from its text, without parsing it: it was written by JSON.stringify, too. */
function comparison(metadata: FollowRequest['metadata']): Search['matches'] {
  const wanted = Object.entries(metadata)
  if (wanted.length === 0) return null
  const traces = wanted.map(([key, value]) => `${JSON.stringify(key)}:${Object(value) === value ? '' : JSON.stringify(value)}`)
  return (text) => {
    if (!traces.every((trace) => text.includes(trace))) return false
    const have = JSON.parse(text) as Record<string, unknown>
    return wanted.every(([key, value]) => Object.hasOwn(have, key) && isDeepStrictEqual(have[key], value))
  }
}
