// How much is read for those who follow, and in which turns.

import type { OwnerId } from '@nullspace/contract/ids.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../domain/principal.ts'
import { silentLogger } from '../observe/logger.ts'
import { type Db, openDb } from '../store/db.ts'
import { insertEvent } from '../store/tables/events.ts'
import { type EventStream, type FollowRequest, followEvents } from './event-stream.ts'
import { EventTail } from './event-tail.ts'
import { Outbox } from './outbox.ts'

let db: Db
let tail: EventTail
const NOW = 1_800_000_000_000

beforeEach(async () => {
  db = await openDb(':memory:')
  tail = new EventTail({ db, outbox: new Outbox({ now: () => NOW }), log: silentLogger() })
})
afterEach(() => db.destroy())

/** Ids in their order. */
async function happen(count: number, { owner = 'own_a', metadata = {} as Record<string, unknown> } = {}): Promise<string[]> {
  const event = { ownerId: owner, operation: 'fork', status: 'succeeded', actor: 'user' } as const
  return db.transaction().execute(async (tx) => {
    const ids: string[] = []
    for (let n = 0; n < count; n++) ids.push(await insertEvent(tx, { ...event, metadata: { ...metadata, n } }, NOW))
    return ids
  })
}

const follow = (request: Partial<FollowRequest>, { owner = 'own_a', signal }: { owner?: string; signal?: AbortSignal } = {}) =>
  followEvents(
    { db, tail },
    { ownerId: owner as OwnerId, keyId: 'key_a', role: 'owner' } as unknown as Principal,
    { metadata: {}, none: false, begin: { newest: 100 }, ...request },
    signal,
  )
async function drain(stream: EventStream): Promise<string[]> {
  const ids: string[] = []
  for (let batch = await stream.next(); batch.length > 0; batch = await stream.next()) ids.push(...batch.map(({ id }) => id))
  return ids
}

test('a filter that nothing matches is looked through in small steps, with the turns of others in between', async () => {
  await happen(1_500, { metadata: { text: 'x'.repeat(1_000) } })
  let done = false
  let turns = 0
  const count = (): void => {
    turns++
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  expect(await drain(await follow({ metadata: { never: 1 } }))).toEqual([])
  done = true
  expect(turns).toBeGreaterThan(1_500 / 64)
})

test('many subscriptions of one owner do not keep another waiting', async () => {
  await happen(1_500, { metadata: { text: 'x'.repeat(1_000) } })
  const theirs = await happen(5, { owner: 'own_b' })
  let finished = 0
  const crowd = Array.from({ length: 40 }, () => follow({ metadata: { never: 1 } }).then(() => finished++))
  expect(await drain(await follow({ begin: { newest: 5 } }, { owner: 'own_b' }))).toEqual(theirs)
  expect(finished).toBe(0)
  await Promise.all(crowd)
})

test('the newest that match are looked for among the last 10,000 events, whatever others have', async () => {
  const far = await happen(3, { metadata: { mine: true } })
  await happen(9_000)
  const near = await happen(3, { metadata: { mine: true } })
  await happen(5_000, { owner: 'own_b' })
  await happen(1_500)
  expect(await drain(await follow({ metadata: { mine: true } }))).toEqual(near)
  expect(await drain(await follow({ metadata: { mine: true }, begin: { newest: 2 } }))).toEqual(near.slice(1))
  // From a place on it is all of it.
  expect(await drain(await follow({ metadata: { mine: true }, begin: { after: far[0] ?? '' } }))).toEqual([...far.slice(1), ...near])
})

test('large events come in small batches, and all of them come', async () => {
  const ids = await happen(40, { metadata: { text: 'x'.repeat(15_000) } })
  const stream = await follow({ begin: { newest: 1_000 } })
  const got: string[] = []
  for (let batch = await stream.next(); batch.length > 0; batch = await stream.next()) {
    expect(JSON.stringify(batch).length).toBeLessThan(70_000)
    got.push(...batch.map(({ id }) => id))
  }
  expect(got).toEqual(ids)
})

test('who is gone is not looked for any longer', async () => {
  await happen(500)
  const stop = new AbortController()
  const stream = follow({ metadata: { never: 1 } }, { signal: stop.signal })
  stop.abort(new Error('gone'))
  await expect(stream).rejects.toThrow('gone')
})
