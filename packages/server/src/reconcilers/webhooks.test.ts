// The sender without a network: what is sent when, how often, and next to what. The clock is the test's.

import { randomUUID } from 'node:crypto'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Outbox } from '../app/outbox.ts'
import { silentLogger } from '../observe/logger.ts'
import { createMetrics } from '../observe/metrics.ts'
import { type Db, openDb } from '../store/db.ts'
import { requeueInterrupted } from '../store/tables/deliveries.ts'
import { insertWebhook } from '../store/tables/webhooks.ts'
import { type Post, RETRY_AFTER_MS, type Sender, webhookSender } from './webhooks.ts'

let db: Db
let now: number
let sender: Sender | null
const metrics = createMetrics()
const clock = { now: () => now }

beforeEach(async () => {
  db = await openDb(':memory:')
  now = 1_800_000_000_000
  sender = null
})
afterEach(async () => {
  await sender?.close()
  await db.destroy()
})

async function hook(owner = 'own_a', enabled: 0 | 1 = 1): Promise<string> {
  const id = randomUUID()
  await db
    .insertInto('owners')
    .values({ id: owner, name: owner, created_at: now, quota: null })
    .onConflict((c) => c.doNothing())
    .execute()
  const times = { created_at: now, updated_at: now, last_delivery_at: null, last_delivery_status: null, last_error: null }
  const row = { id, owner_id: owner, url: `http://${id}.test/`, operations: '["fork"]', signing_secret: 'a secret', enabled, ...times }
  expect(await insertWebhook(db, row, 50)).toBe(true)
  return id
}

async function happen(count = 1, owner = 'own_a'): Promise<void> {
  const outbox = new Outbox(clock)
  await db.transaction().execute(async (tx) => {
    for (let n = 0; n < count; n++)
      await outbox.emit(tx, { ownerId: owner, operation: 'fork', status: 'succeeded', actor: 'user', metadata: { n } })
  })
}

function make(post: Post): Sender {
  sender = webhookSender(
    { db, clock, random: (bytes) => new Uint8Array(bytes), log: silentLogger(), metrics, webhookPrivateTargets: false },
    post,
  )
  return sender
}

const ok: Post = async () => ({ responseStatus: 200, error: null })
const broken: Post = async () => ({
  responseStatus: 500,
  error: { code: 'http_status', message: 'The endpoint answered 500: no success.' },
})
const deliveries = () => db.selectFrom('webhook_deliveries').selectAll().orderBy('created_at').execute()
const settled = (passes: (rows: Awaited<ReturnType<typeof deliveries>>) => boolean, what: string) => until(deliveries, passes, { what })

test('only what a webhook wants, and only enabled ones, and only their owner’s', async () => {
  const wanting = await hook()
  await hook('own_a', 0)
  await hook('own_b')
  await happen()
  await db
    .transaction()
    .execute((tx) => new Outbox(clock).emit(tx, { ownerId: 'own_a', operation: 'create', status: 'succeeded', actor: 'user' }))
  expect((await deliveries()).map(({ webhook_id, operation }) => [webhook_id, operation])).toEqual([[wanting, 'fork']])
})

test('a delivery is in the transaction of its event: with it or not at all', async () => {
  await hook()
  const failed = db.transaction().execute(async (tx) => {
    await new Outbox(clock).emit(tx, { ownerId: 'own_a', operation: 'fork', status: 'succeeded', actor: 'user' })
    throw new Error('boom')
  })
  await expect(failed).rejects.toThrow('boom')
  expect(await deliveries()).toEqual([])
})

test('what fails is tried again after longer and longer, and given up in the end', async () => {
  const id = await hook()
  await happen()
  const at: number[] = []
  const sending = make(async (...args) => {
    at.push(now - 1_800_000_000_000)
    return broken(...args)
  })
  for (const [index, wait] of [...RETRY_AFTER_MS, 0].entries()) {
    await sending.run()
    const [row] = await settled(([first]) => first?.attempt_count === index + 1, `attempt ${index + 1}`)
    if (index === RETRY_AFTER_MS.length) expect(row).toMatchObject({ delivery_status: 'dead_letter', next_attempt_at: null })
    else expect(row).toMatchObject({ delivery_status: 'queued', next_attempt_at: now + wait, last_response_status: 500 })
    now += wait - 1
    await sending.run()
    expect((await deliveries())[0]?.attempt_count).toBe(index + 1)
    now += 1
  }
  let sum = 0
  expect(at).toEqual([0, ...RETRY_AFTER_MS.map((wait) => (sum += wait))])
  now += 100 * RETRY_AFTER_MS.at(-1)!
  await sending.run()
  expect(at).toHaveLength(8)
  const attempts = await db.selectFrom('webhook_attempts').selectAll().orderBy('attempt_number').execute()
  expect(attempts.map(({ attempt_number, response_status, error_code }) => [attempt_number, response_status, error_code])).toEqual(
    Array.from({ length: 8 }, (_, n) => [n + 1, 500, 'http_status']),
  )
  const webhook = await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  expect(webhook).toMatchObject({ last_delivery_status: 'dead_letter', last_error: 'The endpoint answered 500: no success.' })
})

test('what succeeds at last is done', async () => {
  await hook()
  await happen()
  let failures = 2
  const sending = make((...args) => (failures-- > 0 ? broken(...args) : ok(...args)))
  for (let n = 1; n <= 3; n++) {
    await sending.run()
    await settled(([row]) => row?.attempt_count === n, `attempt ${n}`)
    now += 3_600_000
  }
  expect((await deliveries())[0]).toMatchObject({
    delivery_status: 'succeeded',
    attempt_count: 3,
    last_error: null,
    last_response_status: 200,
  })
})

test('hanging endpoints hold up nobody else, neither of their owner nor of others', async () => {
  const hanging = new Set([await hook(), await hook()])
  const fine = await hook()
  const others = await hook('own_b')
  await happen(20)
  await happen(20, 'own_b')
  const given: string[] = []
  let most = 0
  let underWay = 0
  const sending = make(async ({ webhookId }, stop) => {
    most = Math.max(most, ++underWay)
    given.push(webhookId)
    if (hanging.has(webhookId)) await new Promise((resolve) => stop.addEventListener('abort', resolve))
    underWay--
    return hanging.has(webhookId)
      ? { responseStatus: null, error: { code: 'interrupted', message: 'x' } }
      : { responseStatus: 200, error: null }
  })
  await sending.run()
  await settled((rows) => rows.filter((row) => row.delivery_status === 'succeeded').length === 40, 'all of the others')
  const count = (ids: Set<string>): number => given.filter((id) => ids.has(id)).length
  expect([count(hanging), count(new Set([fine])), count(new Set([others]))]).toEqual([4, 20, 20])
  expect(most).toBeLessThanOrEqual(8)
})

test('one owner with many hanging webhooks leaves room for the others', async () => {
  for (let n = 0; n < 40; n++) await hook()
  await happen(2)
  const others = await hook('own_b')
  await happen(5, 'own_b')
  let hanging = 0
  const sending = make(async ({ webhookId }, stop) => {
    if (webhookId === others) return { responseStatus: 200, error: null }
    hanging++
    await new Promise((resolve) => stop.addEventListener('abort', resolve))
    return { responseStatus: null, error: { code: 'interrupted', message: 'x' } }
  })
  await sending.run()
  await settled((rows) => rows.filter((row) => row.delivery_status === 'succeeded').length === 5, 'the other owner’s')
  expect(hanging).toBe(8)
})

test('many owners with hanging webhooks leave room for another, and the owners take turns', async () => {
  const hanging = ['own_a', 'own_b', 'own_c', 'own_d']
  for (const owner of hanging) {
    for (let n = 0; n < 10; n++) await hook(owner)
    await happen(2, owner)
  }
  const others = await hook('own_e')
  now += 1_000
  await happen(5, 'own_e')
  let held = 0
  const sending = make(async ({ webhookId }, stop) => {
    if (webhookId === others) return { responseStatus: 200, error: null }
    held++
    await new Promise((resolve) => stop.addEventListener('abort', resolve))
    return { responseStatus: null, error: { code: 'interrupted', message: 'x' } }
  })
  await sending.run()
  await settled((rows) => rows.filter((row) => row.delivery_status === 'succeeded').length === 5, 'the fifth owner’s')
  expect(held).toBe(24)
  const busy = await db
    .selectFrom('webhook_deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
    .select((eb) => ['w.owner_id', eb.fn.countAll<number>().as('count')])
    .where('d.delivery_status', '=', 'in_progress')
    .groupBy('w.owner_id')
    .execute()
  expect(Object.fromEntries(busy.map(({ owner_id, count }) => [owner_id, count]))).toEqual({ own_a: 6, own_b: 6, own_c: 6, own_d: 6 })
})

test('a daemon that dies in the middle: the next one sends it again, once', async () => {
  await hook()
  await happen()
  const first = make(
    (_post, stop) =>
      new Promise((resolve) =>
        stop.addEventListener('abort', () => resolve({ responseStatus: null, error: { code: 'interrupted', message: 'x' } })),
      ),
  )
  await first.run()
  expect((await deliveries())[0]).toMatchObject({ delivery_status: 'in_progress', next_attempt_at: null })
  await first.close()
  expect((await deliveries())[0]).toMatchObject({ delivery_status: 'in_progress', attempt_count: 0 })
  let sent = 0
  const second = make((...args) => {
    sent++
    return ok(...args)
  })
  await Promise.all([second.run(), second.run()])
  await settled(([row]) => row?.delivery_status === 'succeeded', 'it was sent')
  await second.run()
  expect(sent).toBe(1)
})

test('what is under way is not taken for interrupted', async () => {
  await hook()
  await happen(2)
  const [one, two] = await deliveries()
  await db.updateTable('webhook_deliveries').set({ delivery_status: 'in_progress', next_attempt_at: null }).execute()
  await requeueInterrupted(db, now, [one!.id])
  expect((await deliveries()).filter((row) => row.delivery_status === 'queued').map(({ id }) => id)).toEqual([two!.id])
})

test('what came of it cannot be noted: it is sent again, and the sender lives', async () => {
  await hook()
  await happen()
  let sent = 0
  const sending = make(async (...args) => {
    if (++sent === 1) await db.schema.alterTable('webhook_attempts').renameTo('away').execute()
    return ok(...args)
  })
  await until(
    async () => {
      await sending.run()
      return sent
    },
    (count) => count >= 2,
    { what: 'a second time' },
  )
  await db.schema.alterTable('away').renameTo('webhook_attempts').execute()
  await until(
    async () => {
      await sending.run()
      return deliveries()
    },
    ([row]) => row?.delivery_status === 'succeeded',
    { what: 'noted in the end' },
  )
})

test('disabling holds back what is queued; deleting takes it along, also what is under way', async () => {
  const id = await hook()
  await happen(3)
  await db.updateTable('webhooks').set({ enabled: 0 }).execute()
  const gate = Promise.withResolvers<void>()
  const sent: string[] = []
  const sending = make(async ({ deliveryId }) => {
    sent.push(deliveryId)
    await gate.promise
    return { responseStatus: 200, error: null }
  })
  await sending.run()
  expect(sent).toEqual([])
  await db.updateTable('webhooks').set({ enabled: 1 }).execute()
  await sending.run()
  await until(
    () => sent.length,
    (count) => count === 2,
    { what: 'two are under way' },
  )
  await db.deleteFrom('webhooks').where('id', '=', id).execute()
  gate.resolve()
  await sending.close()
  expect([await deliveries(), await db.selectFrom('webhook_attempts').selectAll().execute()]).toEqual([[], []])
})
