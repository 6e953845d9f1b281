// Lifecycle events: pages of what happened, and streams of what happens.

import { randomUUID } from 'node:crypto'
import type { LifecycleEvent } from '@nullspace/contract/events.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../src/observe/logger.ts'
import type { Reconciler } from '../src/reconcilers/reconciler.ts'
import { type Kept, retention } from '../src/reconcilers/retention.ts'
import { findEvent, insertEvent, type NewEvent } from '../src/store/tables/events.ts'
import { type Client, connect } from './sockets.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const list = async (path: string, key = world.key.key) => world.call('GET', path, { key })
const names = (events: LifecycleEvent[]): string[] => events.map(({ operation, status }) => `${operation} ${status}`)

/** Without the outbox: nobody is told. */
const write = (event: Partial<NewEvent> = {}): Promise<string> =>
  insertEvent(
    world.db,
    { ownerId: world.key.ownerId, operation: 'reconcile', status: 'succeeded', actor: 'system', machineId: 'mch_gone', ...event },
    world.clock.now(),
  )
/** As a change does. */
const tell = (event: Partial<NewEvent> = {}): Promise<void> =>
  world.db.transaction().execute((tx) =>
    world.daemon.app.outbox.emit(tx, {
      ownerId: world.key.ownerId,
      operation: 'reconcile',
      status: 'succeeded',
      actor: 'system',
      machineId: 'mch_gone',
      ...event,
    }),
  )

describe('lists', () => {
  test('of a machine from its beginning to after its end, newest first', async () => {
    const { id } = await world.machine({ metadata: { job: 7 } })
    world.clock.step(1000)
    await world.call('DELETE', `/v1/machines/${id}`)
    const { status, body } = await list(`/v1/machines/${id}/lifecycle`)
    expect(status).toBe(200)
    expect(names(body.events)).toEqual(['destroy succeeded', 'destroy requested', 'create succeeded', 'create requested'])
    expect(body).toMatchObject({ offset: 0, limit: 50, has_more: false })
    expect(body.events[1]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      occurred_at: '2027-01-15T08:00:01.000Z',
      audience: 'customer',
      operation: 'destroy',
      status: 'requested',
      actor_kind: 'user',
      machine_id: id,
      metadata: { job: 7 },
    })
    expect((await list('/v1/lifecycle/events')).body.events).toEqual(body.events)
  })

  test('a fork stands in the lists of both', async () => {
    const { id } = await world.machine()
    const child = await world.call('POST', `/v1/machines/${id}/fork`)
    expect(child.status).toBe(201)
    for (const machine of [id, child.body.id]) {
      const { body } = await list(`/v1/machines/${machine}/lifecycle?operation=fork&status=succeeded`)
      expect(body.events).toEqual([expect.objectContaining({ source_machine_id: id, target_machine_id: child.body.id })])
    }
  })

  test('of a snapshot, also when it is gone', async () => {
    const { id } = await world.machine()
    const snapshot = await world.call('POST', `/v1/machines/${id}/snapshots`)
    expect(snapshot.status).toBe(201)
    const path = `/v1/snapshots/${snapshot.body.id}/lifecycle`
    expect(names((await list(path)).body.events)).toContain('snapshot_created succeeded')
    await world.call('DELETE', `/v1/snapshots/${snapshot.body.id}`)
    expect((await list(path)).status).toBe(200)
    // Known by itself when what is told of it was forgotten.
    const second = await world.call('POST', `/v1/machines/${id}/snapshots`)
    await world.db.deleteFrom('events').execute()
    expect((await list(`/v1/snapshots/${second.body.id}/lifecycle`)).body.events).toEqual([])
    expect((await list(`/v1/machines/${id}/lifecycle`)).body.events).toEqual([])
    expect((await list(path)).body.code).toBe('snapshot_not_found')
  })

  test('filters and pages', async () => {
    for (let n = 0; n < 7; n++) {
      world.clock.step(1000)
      await write({
        operation: n % 2 ? 'fork' : 'hibernate',
        status: n < 5 ? 'succeeded' : 'failed',
        snapshotId: n === 6 ? 'snap_x' : undefined,
        metadata: { n },
      })
    }
    await write({ operation: 'create', machineId: 'mch_m', sourceMachineId: 'mch_s', targetMachineId: 'mch_t' })
    const numbers = async (query: string) => {
      const { status, body } = await list(`/v1/lifecycle/events?${query}`)
      expect(status).toBe(200)
      return { numbers: body.events.map(({ metadata }: LifecycleEvent) => metadata['n']), more: body.has_more }
    }
    expect(await numbers('machine_id=mch_gone&limit=3')).toEqual({ numbers: [6, 5, 4], more: true })
    expect(await numbers('machine_id=mch_gone&limit=3&offset=3')).toEqual({ numbers: [3, 2, 1], more: true })
    expect(await numbers('machine_id=mch_gone&limit=3&offset=6')).toEqual({ numbers: [0], more: false })
    expect(await numbers('machine_id=mch_gone&order=asc&limit=2')).toEqual({ numbers: [0, 1], more: true })
    expect((await numbers('operation=fork')).numbers).toEqual([5, 3, 1])
    expect((await numbers('operation=fork&status=failed')).numbers).toEqual([5])
    expect((await numbers('snapshot_id=snap_x')).numbers).toEqual([6])
    expect((await numbers('source_machine_id=mch_s')).numbers).toHaveLength(1)
    expect((await numbers('target_machine_id=mch_t')).numbers).toHaveLength(1)
    expect((await numbers('machine_id=mch_t')).numbers).toEqual([])
    expect((await numbers('audience=customer')).numbers).toHaveLength(8)
    expect((await numbers('audience=internal')).numbers).toEqual([])
    const at = (s: number) => encodeURIComponent(new Date(1_800_000_000_000 + s * 1000).toISOString())
    expect((await numbers(`operation=hibernate&from=${at(3)}&to=${at(5)}`)).numbers).toEqual([4, 2])
    expect((await numbers(`operation=hibernate&from=${encodeURIComponent('2027-01-15T10:00:05+02:00')}`)).numbers).toEqual([6, 4])
    for (const machine of ['mch_m', 'mch_s', 'mch_t']) expect((await list(`/v1/machines/${machine}/lifecycle`)).body.events).toHaveLength(1)
  })

  test('a query that makes no sense is refused', async () => {
    const queries = ['limit=0', 'limit=101', 'offset=-1', 'order=up', 'operation=explode', 'status=x', 'from=yesterday', 'colour=1']
    for (const query of queries) expect((await list(`/v1/lifecycle/events?${query}`)).body.code, query).toBe('invalid_request')
  })

  test('another owner’s are not told of', async () => {
    const { id } = await world.machine()
    const { key } = await world.otherOwner()
    expect((await list('/v1/lifecycle/events', key)).body.events).toEqual([])
    expect((await list(`/v1/machines/${id}/lifecycle`, key)).body.code).toBe('machine_not_found')
    expect((await list('/v1/machines/mch_x/lifecycle')).body.code).toBe('machine_not_found')
    expect((await list('/v1/snapshots/snap_x/lifecycle')).body.code).toBe('snapshot_not_found')
  })
})

describe('streams', () => {
  const path = '/v1/lifecycle/ws'
  const subscribe = async (filter: Record<string, unknown> = {}, where = path, key = world.key.key): Promise<Client> => {
    const client = await connect(world, where, { key })
    client.send({ type: 'subscribe', ...filter })
    await client.frame(() => true, 'the first frame')
    return client
  }
  const ids = ({ frames }: Client): string[] => frames.filter(({ type }) => type === 'event').map(({ event }) => event.id)
  const got = (client: Client, want: string[]) =>
    until(
      () => ids(client),
      (have) => have.length >= want.length,
      { what: `${want.length} events` },
    ).then((have) => expect(have).toEqual(want))
  const end = async (...clients: Client[]): Promise<void> => {
    for (const { ws } of clients) ws.close()
    await Promise.all(clients.map(({ closed }) => closed))
  }

  test('subscribed first, then the newest as many as asked for, oldest first, then what happens', async () => {
    const old = [await write(), await write(), await write()]
    const client = await subscribe({ replay_limit: 2, operation: null })
    expect(client.frames[0]).toEqual({ type: 'subscribed', subscription: { replay_limit: 2 }, reconnect_mode: 'replay' })
    await got(client, old.slice(1))
    await tell({ operation: 'fork' })
    const last = await client.frame(({ event }) => event?.operation === 'fork', 'the live one')
    expect((await list('/v1/lifecycle/events?limit=1')).body.events).toEqual([last.event])
    await end(client)
  })

  test('live only; and after an event that was seen', async () => {
    const old = [await write(), await write(), await write()]
    const live = await subscribe({ live_only: true, replay_limit: 100 })
    expect(live.frames[0]).toMatchObject({ reconnect_mode: 'live_only' })
    const after = await subscribe({ after_event_id: old[0], replay_limit: 1, live_only: false })
    await got(after, old.slice(1))
    const next = await write()
    await got(live, [next])
    await got(after, [...old.slice(1), next])
    await end(live, after)
  })

  test('an event that nobody knows, or that is another owner’s, is an error', async () => {
    const { key, ownerId } = await world.otherOwner()
    const theirs = await write({ ownerId })
    for (const id of [randomUUID(), theirs]) {
      const client = await subscribe({ after_event_id: id })
      expect(client.frames).toEqual([{ type: 'error', message: expect.stringContaining(id), code: 'invalid_request' }])
      expect(await client.closed).toBe(1008)
    }
    const client = await subscribe({}, path, key)
    await write()
    await tell({ ownerId })
    await until(
      () => ids(client).length,
      (count) => count === 2,
      { what: 'their two' },
    )
    await end(client)
  })

  test('filters hold for replay and live alike', async () => {
    const of = async (n: number): Promise<string[]> => [
      await write({ operation: 'fork', status: 'failed', metadata: { n, tag: { a: [1], b: 'x' } }, snapshotId: 'snap_1' }),
      await write({ operation: 'fork', metadata: { n: String(n) } }),
      await write({ operation: 'destroy', targetMachineId: 'mch_child', metadata: {} }),
    ]
    const first = await of(1)
    const streams = {
      fork: await subscribe({ operation: 'fork' }),
      failed: await subscribe({ status: 'failed' }),
      number: await subscribe({ metadata: { n: 1 } }),
      deep: await subscribe({ metadata: { tag: { b: 'x', a: [1] }, n: 1 }, replay_limit: 1 }),
      none: await subscribe({ metadata: { toString: 1 } }),
      snapshot: await subscribe({ snapshot_id: 'snap_1' }),
      child: await subscribe({ machine_id: 'mch_child' }),
      machine: await subscribe({}, '/v1/machines/mch_child/lifecycle/ws'),
      internal: await subscribe({ audience: 'internal' }),
    }
    const second = await of(1)
    const pick = (...at: number[]): string[] => [first, second].flatMap((round) => at.map((index) => round[index] ?? ''))
    const want: Record<keyof typeof streams, string[]> = {
      fork: pick(0, 1),
      failed: pick(0),
      number: pick(0),
      deep: pick(0),
      none: [],
      snapshot: pick(0),
      child: pick(2),
      machine: pick(2),
      internal: [],
    }
    for (const [name, client] of Object.entries(streams)) await got(client, want[name as keyof typeof streams])
    const wrong = await subscribe({ machine_id: 'mch_other' }, '/v1/machines/mch_child/lifecycle/ws')
    expect(await wrong.closed).toBe(1008)
    await end(...Object.values(streams))
  })

  test('no gap and no repeat, whenever one subscribes', async () => {
    const written: string[] = []
    let writing = true
    const writer = (async () => {
      while (writing) {
        written.push(await write())
        if (written.length % 3 === 0) await tell({ operation: 'create' })
        await new Promise(setImmediate)
      }
    })()
    const clients: Client[] = []
    for (let n = 0; n < 6; n++) {
      await until(
        () => written.length,
        (count) => count >= (n + 1) * 12,
        { what: 'some more events' },
      )
      clients.push(await subscribe(n % 2 ? { replay_limit: 10 } : { after_event_id: written[0] }))
    }
    writing = false
    await writer
    const { body } = await list('/v1/lifecycle/events?limit=1')
    const last = body.events[0].id
    const all = (await world.db.selectFrom('events').select('id').orderBy('seq').execute()).map(({ id }) => id)
    for (const client of clients) {
      await client.frame(({ event }) => event?.id === last, 'the last event')
      const have = ids(client)
      expect(have).toEqual(all.slice(all.indexOf(have[0] ?? '')))
    }
    await end(...clients)
  })

  test('losing every nudge costs latency only', async () => {
    const client = await subscribe({ live_only: true })
    await got(client, [await write(), await write()])
    await end(client)
  })

  test('a reader that is slow gets everything in the end, and does not make us hold it all', async () => {
    await world[Symbol.asyncDispose]()
    world = await createWorld({ socketRules: { mostWaitingBytes: 1024 * 1024 } })
    const first = await write()
    const metadata = { text: 'x'.repeat(8000) }
    const want = await world.db.transaction().execute(async (tx) => {
      const event = { ownerId: world.key.ownerId, operation: 'create', status: 'succeeded', actor: 'user', metadata } as const
      const made: string[] = []
      for (let n = 0; n < 1500; n++) made.push(await insertEvent(tx, event, world.clock.now()))
      return made
    })
    const client = await connect(world, path)
    client.send({ type: 'subscribe', after_event_id: first })
    client.ws.pause()
    // Turns in which it could all be read and queued.
    for (let n = 0; n < 50; n++) want.push(await write())
    client.ws.resume()
    await until(
      () => ids(client).length,
      (count) => count >= want.length,
      { what: 'all events', withinMs: 20_000 },
    )
    expect(ids(client)).toEqual(want)
    await end(client)
  })

  test('only one subscription', async () => {
    const client = await subscribe()
    client.send({ type: 'subscribe' })
    expect(await client.closed).toBe(1008)
  })
})

describe('retention', () => {
  let monotonicMs: number
  const DAY = 24 * 3_600_000
  const pass = (ms: number): void => {
    world.clock.step(ms)
    monotonicMs += ms
  }
  const keep = (kept: Partial<Kept> = {}): Reconciler => {
    monotonicMs = 0
    const { outbox } = world.daemon.app
    return retention({ db: world.db, clock: world.clock, log: silentLogger(), outbox }, { days: 30, monotonic: () => monotonicMs, ...kept })
  }
  /** As the daemon does, every now and then, for so long that the clock is trusted. */
  const runSteadily = async (run: Reconciler): Promise<void> => {
    for (let n = 0; n < 3; n++) {
      await run.run()
      pass(3_600_000)
    }
  }
  const all = async (): Promise<string[]> => (await list('/v1/lifecycle/events')).body.events.map(({ id }: LifecycleEvent) => id)
  const hook = async (): Promise<string> => {
    const { status, body } = await world.call('POST', '/v1/lifecycle/webhooks', {
      body: { url: 'https://example.test/', operations: ['reconcile'], signing_secret: 'a secret', enabled: true },
    })
    expect(status).toBe(201)
    return body.id
  }
  const settle = (status: 'succeeded' | 'queued') =>
    world.db.updateTable('webhook_deliveries').set({ delivery_status: status, next_attempt_at: null }).execute()

  test('what is old goes, with its deliveries, and what is too much', async () => {
    const id = await hook()
    await tell()
    await settle('succeeded')
    const run = keep({ eventsPerOwner: 10 })
    pass(31 * DAY)
    const kept: string[] = []
    for (let n = 0; n < 12; n++) kept.unshift(await write())
    const { ownerId, key } = await world.otherOwner()
    await write({ ownerId })
    await runSteadily(run)
    expect(await all()).toEqual(kept.slice(0, 10))
    expect((await list('/v1/lifecycle/events', key)).body.events).toHaveLength(1)
    expect((await list(`/v1/lifecycle/webhooks/${id}/deliveries`)).body).toEqual([])
  })

  test('what is old stays while a webhook is to be told, and while the clock is not to be trusted', async () => {
    await hook()
    await world.db.updateTable('webhooks').set({ enabled: 0 }).execute()
    const old = [await write(), await write()]
    const run = keep()
    const [first] = old
    const unsent = { webhook_id: (await world.db.selectFrom('webhooks').select('id').executeTakeFirstOrThrow()).id, event_id: first ?? '' }
    const row = { operation: 'reconcile', status: 'succeeded', delivery_status: 'queued', attempt_count: 0, created_at: 0 } as const
    const never = { next_attempt_at: null, last_attempt_at: null, last_response_status: null, last_error: null }
    await world.db
      .insertInto('webhook_deliveries')
      .values({ id: randomUUID(), ...unsent, ...row, ...never })
      .execute()
    await run.run()
    // Forward in a jump, and back again before it is believed.
    world.clock.step(40 * DAY)
    await run.run()
    pass(300_000)
    await run.run()
    world.clock.step(-40 * DAY)
    pass(300_000)
    await run.run()
    expect(await all()).toHaveLength(2)
    pass(40 * DAY)
    await runSteadily(run)
    expect(await all()).toEqual([first])
    await settle('succeeded')
    await run.run()
    expect(await all()).toEqual([])
  })

  test('an owner has so many bytes of events, and who writes a lot does not have more until the next run', async () => {
    const metadata = { text: 'ä'.repeat(8_000) }
    const run = keep({ bytesPerOwner: 1024 * 1024 })
    const { ownerId } = await world.otherOwner()
    const theirs = await write({ ownerId })
    const last: string[] = []
    // A run is due now: 8 MiB were written.
    for (let n = 0; n < 600; n++) await tell({ metadata })
    for (let n = 0; n < 3; n++) last.unshift(await write())
    const bytes = async (): Promise<number> => {
      const rows = await world.db.selectFrom('events').select('metadata').where('owner_id', '=', world.key.ownerId).execute()
      return rows.reduce((sum, row) => sum + Buffer.byteLength(row.metadata), 0)
    }
    await until(bytes, (sum) => sum < 3 * 1024 * 1024, { what: 'what is too much is gone' })
    await run.run()
    expect(await bytes()).toBeLessThan(1024 * 1024)
    expect((await all()).slice(0, 3)).toEqual(last)
    expect(await findEvent(world.db, theirs)).not.toBe(null)
  })

  test('of a webhook’s deliveries what is done with goes first; what waits beyond the bound is given up, and is seen', async () => {
    const id = await hook()
    await world.db.updateTable('webhooks').set({ enabled: 1 }).execute()
    const run = keep({ deliveriesPerWebhook: 4 })
    const shown = async (): Promise<string[]> =>
      (await list(`/v1/lifecycle/webhooks/${id}/deliveries`)).body
        .map(({ delivery_status }: { delivery_status: string }) => delivery_status)
        .toSorted()
    const fill = async (count: number, status: 'queued' | 'succeeded'): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const event = await write()
        pass(1_000)
        await world.db
          .insertInto('webhook_deliveries')
          .values({
            id: randomUUID(),
            webhook_id: id,
            event_id: event,
            operation: 'reconcile',
            status: 'succeeded',
            delivery_status: status,
            attempt_count: 0,
            created_at: world.clock.now(),
            next_attempt_at: null,
            last_attempt_at: null,
            last_response_status: null,
            last_error: null,
          })
          .execute()
      }
    }
    await fill(2, 'queued')
    await fill(4, 'succeeded')
    await run.run()
    expect(await shown()).toEqual(['queued', 'queued', 'succeeded', 'succeeded'])
    await fill(4, 'queued')
    await run.run()
    expect(await shown()).toEqual(['dead_letter', 'dead_letter', 'queued', 'queued', 'queued', 'queued'])
    await run.run()
    expect(await shown()).toEqual(['queued', 'queued', 'queued', 'queued'])
  })
})

test('a timeout that is set again and again to what it was is told once a minute; another one at once', async () => {
  const { id } = await world.machine()
  const set = async (timeout_ms: number): Promise<void> => {
    expect((await world.call('POST', `/v1/machines/${id}/timeout`, { body: { timeout_ms } })).status).toBe(200)
  }
  const told = async (): Promise<number> => (await list(`/v1/machines/${id}/lifecycle?operation=timeout_updated`)).body.events.length
  for (let n = 0; n < 3; n++) await set(300_000)
  expect(await told()).toBe(1)
  await set(400_000)
  expect(await told()).toBe(2)
  world.clock.step(60_000)
  await set(400_000)
  expect(await told()).toBe(3)
})

test('the metadata that every event repeats is bounded in bytes, not in characters', async () => {
  const create = async (text: string) => (await world.call('POST', '/v1/machines', { body: { metadata: { text } } })).status
  expect(await create('x'.repeat(16_000))).toBe(201)
  expect(await create('€'.repeat(6_000))).toBe(400)
})
