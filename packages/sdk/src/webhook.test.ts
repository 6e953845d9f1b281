import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import { delivery, lifecycleEvent, uuid, webhook } from '../test/samples.ts'
import { Client, NotFoundError, Webhook, verifyWebhookSignature } from './index.ts'

describe('signature', () => {
  const secret = 'correct horse'
  const body = '{"event":{"id":"é"}}'
  const sign = (text: string | Uint8Array, key = secret): string => `sha256=${createHmac('sha256', key).update(text).digest('hex')}`
  const headers = (signature = sign(body), version = '1') => ({
    'X-Nullspace-Signature': signature,
    'x-nullspace-signature-version': version,
  })

  test('is known, wherever headers and body come from', () => {
    // RFC 4231, test case 2, so that both sides cannot be wrong alike.
    const known = {
      'x-nullspace-signature': 'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      'x-nullspace-signature-version': '1',
    }
    expect(verifyWebhookSignature('Jefe', known, 'what do ya want for nothing?')).toBe(true)
    expect(verifyWebhookSignature(secret, headers(), body)).toBe(true)
    expect(verifyWebhookSignature(secret, new Headers(headers()), new TextEncoder().encode(body))).toBe(true)
    expect(verifyWebhookSignature(secret, { ...headers(), cookie: ['a', 'b'], host: undefined }, Buffer.from(body))).toBe(true)
  })

  test.each<[string, Record<string, string | string[] | undefined>, string]>([
    ['another body', headers(), `${body} `],
    ['another secret', headers(sign(body, 'guess')), body],
    ['another version', headers(sign(body), '2'), body],
    ['no version', { 'x-nullspace-signature': sign(body) }, body],
    ['no signature', { 'x-nullspace-signature-version': '1' }, body],
    ['half of it', headers(sign(body).slice(0, 39)), body],
    ['more than it', headers(`${sign(body)}00`), body],
    ['upper case', headers(sign(body).toUpperCase()), body],
    ['no scheme', headers(sign(body).slice(7)), body],
    ['two signatures', { ...headers(), 'x-nullspace-signature': sign(body) }, body],
    ['a list of two', { 'x-nullspace-signature': [sign(body), sign(body)], 'x-nullspace-signature-version': '1' }, body],
  ])('%s is none', (_, given, text) => {
    expect(verifyWebhookSignature(secret, given, text)).toBe(false)
  })

  test('an empty secret is a mistake', () => {
    expect(() => verifyWebhookSignature('', headers(sign(body, '')), body)).toThrow('the signing secret is empty')
  })
})

describe('calls', () => {
  let daemon: FakeDaemon
  let client: Client
  beforeEach(async () => {
    daemon = await fakeDaemon()
    client = new Client({ apiKey: daemon.key, baseUrl: daemon.url })
  })
  afterEach(() => daemon[Symbol.asyncDispose]())

  test('create, list, get, update, delete', async () => {
    daemon.on({
      createLifecycleWebhook: () => webhook(),
      listLifecycleWebhooks: () => [webhook({ last_delivery_status: 'dead_letter', last_error: 'status 500' })],
      getLifecycleWebhook: () => webhook(),
      updateLifecycleWebhook: ({ body }) => webhook({ enabled: body.enabled ?? true }),
      deleteLifecycleWebhook: () => undefined,
    })
    const options = {
      url: 'https://hooks.example.com/machines',
      operations: ['create', 'destroy'],
      signingSecret: 'correct horse',
    } as const
    expect(await Webhook.create({ client, ...options, operations: [...options.operations] })).toMatchObject({ hasSigningSecret: true })
    expect((await Webhook.list({ client }))[0]).toMatchObject({ lastDeliveryStatus: 'dead_letter', lastError: 'status 500' })
    expect(await Webhook.get(uuid('2'), { client })).toMatchObject({ id: uuid('2') })
    expect(await Webhook.update(uuid('2'), { enabled: false }, { client })).toMatchObject({ enabled: false })
    await Webhook.delete(uuid('2'), { client })
    expect(daemon.seen[0]?.body).toEqual({
      url: options.url,
      operations: options.operations,
      signing_secret: 'correct horse',
      enabled: true,
    })
    expect(daemon.seen[3]?.body).toEqual({ enabled: false })
    expect(daemon.seen.at(-1)).toMatchObject({ route: 'deleteLifecycleWebhook', params: { id: uuid('2') } })
    await expect(Webhook.listDeliveries('x', { client })).rejects.toThrow(NotFoundError)
  })

  test('deliveries', async () => {
    const attempt = { id: uuid('4'), delivery_id: uuid('3'), attempt_number: 1, attempted_at: '2026-11-01T10:00:01.000Z', duration_ms: 12 }
    daemon.on({
      listLifecycleWebhookDeliveries: () => [delivery()],
      getLifecycleWebhookDelivery: () => ({ delivery: delivery(), event: lifecycleEvent(), attempts: [attempt] }),
    })
    expect((await Webhook.listDeliveries(uuid('2'), { client, offset: 10, limit: 5 }))[0]).toMatchObject({ deliveryStatus: 'succeeded' })
    expect(daemon.seen[0]?.query).toEqual({ offset: '10', limit: '5' })
    const detail = await Webhook.getDelivery(uuid('2'), uuid('3'), { client })
    expect(detail).toMatchObject({ delivery: { attemptCount: 1 }, event: { actorKind: 'user' }, attempts: [{ durationMs: 12 }] })
    expect(daemon.seen[1]?.params).toEqual({ id: uuid('2'), delivery_id: uuid('3') })
  })
})
