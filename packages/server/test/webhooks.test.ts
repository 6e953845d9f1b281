// Webhooks through the HTTP edge, and posts to a real endpoint.

import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createWorld, type World, type WorldOptions } from './world.ts'

const SECRET = 'a secret of some length'
const HOOKS = '/v1/lifecycle/webhooks'
let world: World
const begin = async (options: WorldOptions = {}): Promise<World> => (world = await createWorld(options))
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const body = (change: Record<string, unknown> = {}) => ({
  url: 'https://example.test/hook',
  operations: ['create'],
  signing_secret: SECRET,
  ...change,
})
const create = (change: Record<string, unknown> = {}) => world.call('POST', HOOKS, { body: body(change) })

describe('records', () => {
  beforeEach(async () => void (await begin()))

  test('are made, read, changed and deleted, and never show the secret', async () => {
    const made = await create({ operations: ['create', 'fork', 'create'] })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: 'https://example.test/hook',
      operations: ['create', 'fork'],
      enabled: true,
      has_signing_secret: true,
      created_at: '2027-01-15T08:00:00.000Z',
      updated_at: '2027-01-15T08:00:00.000Z',
    })
    world.clock.step(1000)
    const path = `${HOOKS}/${made.body.id}`
    const changed = await world.call('PATCH', path, { body: { enabled: false, signing_secret: 'another secret' } })
    expect(changed.body).toEqual({ ...made.body, enabled: false, updated_at: '2027-01-15T08:00:01.000Z' })
    expect((await world.call('GET', path)).body).toEqual(changed.body)
    expect((await world.call('GET', HOOKS)).body).toEqual([changed.body])
    expect((await world.call('DELETE', path)).status).toBe(204)
    for (const method of ['GET', 'DELETE'] as const) expect((await world.call(method, path)).body.code).toBe('webhook_not_found')
  })

  test.each<[string, Record<string, unknown>]>([
    ['another scheme', { url: 'ftp://example.test/' }],
    ['no URL', { url: 'example' }],
    ['a user name', { url: 'https://user@example.test/' }],
    ['a password', { url: 'https://:secret@example.test/' }],
    ['loopback', { url: 'http://127.0.0.1:3000/v1/machines' }],
    ['loopback in disguise', { url: 'http://2130706433/' }],
    ['loopback in IPv6', { url: 'http://[::1]/' }],
    ['loopback mapped', { url: 'http://[::ffff:127.0.0.1]/' }],
    ['metadata of a cloud', { url: 'http://169.254.169.254/latest/' }],
    ['a private network', { url: 'https://10.1.2.3/' }],
    ['a URL without measure', { url: `https://example.test/${'x'.repeat(3000)}` }],
    ['no operation', { operations: [] }],
    ['an unknown operation', { operations: ['explode'] }],
    ['a short secret', { signing_secret: 'short' }],
    ['no secret', { signing_secret: null }],
    ['an unknown field', { colour: 1 }],
  ])('refuse %s, at create and at update', async (_what, change) => {
    const refused = await create(change)
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request'])
    const { id } = (await create()).body
    expect((await world.call('PATCH', `${HOOKS}/${id}`, { body: change })).body.code).toBe('invalid_request')
    expect(JSON.stringify(refused.body)).not.toContain(SECRET)
  })

  test('are bounded, and belong to their owner', async () => {
    const { id } = (await create()).body
    for (let n = 1; n < 50; n++) expect((await create()).status).toBe(201)
    expect((await create()).body.code).toBe('quota_exceeded')
    const { key } = await world.otherOwner()
    expect((await world.call('GET', HOOKS, { key })).body).toEqual([])
    for (const [method, path] of [
      ['GET', `${HOOKS}/${id}`],
      ['PATCH', `${HOOKS}/${id}`],
      ['DELETE', `${HOOKS}/${id}`],
      ['GET', `${HOOKS}/${id}/deliveries`],
      ['GET', `${HOOKS}/${id}/deliveries/x`],
    ] as const)
      expect((await world.call(method, path, { key, ...(method === 'PATCH' ? { body: {} } : {}) })).body.code).toBe('webhook_not_found')
    expect((await world.call('GET', `${HOOKS}/${id}/deliveries/x`)).body.code).toBe('delivery_not_found')
  })
})

interface Post {
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

describe('deliveries', () => {
  let endpoint: Server
  let url: string
  const posts: Post[] = []
  /** Statuses of the next answers; 204 when there is none. */
  const answers: number[] = []

  beforeEach(async () => {
    posts.length = answers.length = 0
    endpoint = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        posts.push({ headers: request.headers, text })
        const status = answers.shift() ?? 204
        if (status !== 0) response.writeHead(status).end()
      })
    })
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`
  })
  afterEach(async () => {
    endpoint.closeAllConnections()
    await new Promise((resolve) => endpoint.close(resolve))
  })
  const arrived = (count: number) =>
    until(
      () => posts,
      (all) => all.length >= count,
      { what: `${count} posts` },
    )
  const shown = async (id: string, passes: (rows: { id: string; delivery_status: string }[]) => boolean) =>
    until(async () => (await world.call('GET', `${HOOKS}/${id}/deliveries`)).body, passes, { what: 'deliveries' })
  const inFive = { operations: ['create'] }

  test('tell of what was wished for, signed, and are shown with their event and attempts', async () => {
    await begin({ webhookPrivateTargets: true })
    const { id } = (await create({ url, ...inFive })).body
    const machine = await world.machine({ metadata: { job: 7 } })
    await arrived(2)
    const deliveries = await shown(id, (rows) => rows.every((row) => row.delivery_status === 'succeeded'))
    expect(deliveries).toHaveLength(2)
    for (const { headers, text } of posts) {
      expect(headers['x-nullspace-signature']).toBe(`sha256=${createHmac('sha256', SECRET).update(text).digest('hex')}`)
      expect(headers['x-nullspace-signature-version']).toBe('1')
      const told = JSON.parse(text)
      expect([headers['x-nullspace-webhook-id'], headers['x-nullspace-delivery-id'], headers['x-nullspace-event-id']]).toEqual([
        id,
        told.delivery_id,
        told.event.id,
      ])
      expect(told.webhook_id).toBe(id)
      const one = (await world.call('GET', `${HOOKS}/${id}/deliveries/${told.delivery_id}`)).body
      expect(one.event).toEqual(told.event)
      expect(one.event).toMatchObject({ operation: 'create', machine_id: machine.id, metadata: { job: 7 } })
      expect(one.delivery).toEqual({
        id: told.delivery_id,
        webhook_id: id,
        event_id: told.event.id,
        operation: 'create',
        status: told.event.status,
        delivery_status: 'succeeded',
        attempt_count: 1,
        created_at: '2027-01-15T08:00:00.000Z',
        last_attempt_at: '2027-01-15T08:00:00.000Z',
        last_response_status: 204,
      })
      expect(one.attempts).toEqual([
        {
          id: expect.any(String),
          delivery_id: told.delivery_id,
          attempt_number: 1,
          attempted_at: '2027-01-15T08:00:00.000Z',
          duration_ms: expect.any(Number),
          response_status: 204,
        },
      ])
    }
    expect((await world.call('GET', `${HOOKS}/${id}`)).body).toMatchObject({
      last_delivery_at: '2027-01-15T08:00:00.000Z',
      last_delivery_status: 'succeeded',
    })
    expect((await world.call('GET', `${HOOKS}/${id}/deliveries?offset=1&limit=1`)).body).toHaveLength(1)
    const { values } = await world.daemon.app.metrics.webhookDeliveries.get()
    expect(values).toEqual([expect.objectContaining({ labels: { outcome: 'succeeded' }, value: 2 })])
  })

  test('that fail come again with the same body', async () => {
    await begin({ webhookPrivateTargets: true })
    answers.push(500, 500)
    const { id } = (await create({ url, ...inFive })).body
    await world.machine()
    await arrived(2)
    const failed = await shown(id, (rows) => rows.every((row) => row.delivery_status === 'queued'))
    expect(failed[0]).toMatchObject({ attempt_count: 1, last_response_status: 500, last_error: 'The endpoint answered 500: no success.' })
    expect((await world.call('GET', `${HOOKS}/${id}`)).body).toMatchObject({
      last_delivery_status: 'queued',
      last_error: expect.stringContaining('500'),
    })
    world.clock.step(6_000)
    await arrived(4)
    await shown(id, (rows) => rows.every((row) => row.delivery_status === 'succeeded'))
    expect(
      posts
        .slice(2)
        .map(({ text }) => text)
        .toSorted(),
    ).toEqual(
      posts
        .slice(0, 2)
        .map(({ text }) => text)
        .toSorted(),
    )
    expect((await world.call('GET', `${HOOKS}/${id}`)).body).not.toHaveProperty('last_error')
  })

  test('that a dying daemon was sending are sent by the next', async () => {
    await begin({ webhookPrivateTargets: true })
    answers.push(0, 0)
    const { id } = (await create({ url, ...inFive })).body
    await world.machine()
    await arrived(2)
    await shown(id, (rows) => rows.every((row) => row.delivery_status === 'in_progress'))
    world.crash()
    await world.restart()
    await arrived(4)
    const rows = await shown(id, (all) => all.every((row) => row.delivery_status === 'succeeded'))
    expect(rows.map((row: { id: string }) => row.id).toSorted()).toEqual(
      posts
        .slice(2)
        .map(({ headers }) => headers['x-nullspace-delivery-id'])
        .toSorted(),
    )
  })

  test('to a private address behind a name are blocked unless the operator allows them', async () => {
    await begin()
    const { id } = (await create({ url: url.replace('127.0.0.1', 'localhost'), ...inFive })).body
    await world.machine()
    const rows = await shown(id, (all) => all.every((row) => row.delivery_status === 'queued' && 'last_error' in row))
    expect(rows).toHaveLength(2)
    expect(posts).toEqual([])
  })
})
