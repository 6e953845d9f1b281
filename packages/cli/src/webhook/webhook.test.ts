import { LIFECYCLE_OPERATIONS } from '@nullspace/contract/events.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { delivery, lifecycleEvent, uuid, webhook } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestOptions, type TestCli } from '../../test/test-io.ts'

let daemon: FakeDaemon
let cli: TestCli
const withTerminal = (options: TestOptions): TestCli =>
  testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key }, ...options })
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = withTerminal({ input: 'correct horse\n' })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})
const URL = 'https://hooks.example.com/machines'

describe('create', () => {
  beforeEach(() => daemon.on({ createLifecycleWebhook: () => webhook() }))

  test('takes the secret from standard input, never from the command line', async () => {
    const { code, out, err } = await cli(
      'webhook',
      'create',
      '--url',
      URL,
      '--signing-secret',
      '-',
      '--operation',
      'create',
      '--operation',
      'fork',
      '--disabled',
    )
    expect([code, out, err]).toEqual([0, `${uuid('2')}\n`, `events go to ${URL}; the secret cannot be shown again\n`])
    expect(daemon.seen[0]?.body).toEqual({ url: URL, operations: ['create', 'fork'], signing_secret: 'correct horse', enabled: false })
    const open = await cli('webhook', 'create', '--url', URL, '--signing-secret', 'correct horse')
    expect([open.code, open.err]).toEqual([2, expect.stringContaining('process list')])
    expect((await cli('webhook', 'create', '--url', URL)).err).toContain('there is nobody to ask')
    expect((await cli('webhook', 'create', '--signing-secret', '-')).err).toContain('--url is missing')
    expect((await cli('webhook', 'create', '--url', URL, '--operation', 'creat')).err).toContain('Allowed choices are create,')
    expect(daemon.seen).toHaveLength(1)
  })

  test('asks for it at a terminal; all operations unless said', async () => {
    await withTerminal({ answer: 'from the keyboard' })('webhook', 'create', '--url', URL)
    expect(daemon.seen[0]?.body).toEqual({ url: URL, operations: LIFECYCLE_OPERATIONS, signing_secret: 'from the keyboard', enabled: true })
  })
})

test('list, get, update, delete', async () => {
  daemon.on({
    listLifecycleWebhooks: () => [webhook(), webhook({ enabled: false, last_delivery_status: 'dead_letter' })],
    getLifecycleWebhook: () => webhook({ last_error: 'status 500' }),
    updateLifecycleWebhook: ({ body }) => webhook({ enabled: body.enabled ?? true }),
    deleteLifecycleWebhook: () => undefined,
  })
  expect((await cli('webhook', 'list')).out).toMatchInlineSnapshot(`
    "ID                                    URL                                 OPERATIONS  ENABLED  LAST DELIVERY
    22222222-aaaa-4aaa-8aaa-aaaaaaaaaaaa  https://hooks.example.com/machines  2           yes      -
    22222222-aaaa-4aaa-8aaa-aaaaaaaaaaaa  https://hooks.example.com/machines  2           no       dead_letter
    "
  `)
  expect((await cli('webhook', 'get', uuid('2'))).out).toContain('last error:  status 500\n')
  expect((await cli('webhook', 'update', uuid('2'), '--no-enabled', '--url', URL)).out).toContain('enabled:     no\n')
  await cli('webhook', 'update', uuid('2'), '--signing-secret', '-', '--operation', 'fork')
  expect(daemon.seen.slice(2).map(({ body }) => body)).toEqual([
    { enabled: false, url: URL },
    { signing_secret: 'correct horse', operations: ['fork'] },
  ])
  expect((await cli('webhook', 'update', uuid('2'))).err).toContain('nothing to change')
  expect((await cli('webhook', 'delete', uuid('2'))).out).toBe(`deleted ${uuid('2')}\n`)
  expect((await cli('webhook', 'deliveries', 'x')).code).toBe(3)
})

test('deliveries', async () => {
  const attempt = { id: uuid('4'), delivery_id: uuid('3'), attempted_at: '2026-11-01T10:00:01.000Z' }
  daemon.on({
    listLifecycleWebhookDeliveries: () => [delivery(), delivery({ delivery_status: 'queued', attempt_count: 3, last_error: 'timed out' })],
    getLifecycleWebhookDelivery: () => ({
      delivery: delivery(),
      event: lifecycleEvent(),
      attempts: [
        { ...attempt, attempt_number: 1, duration_ms: 10_000, error_code: 'timeout' },
        { ...attempt, attempt_number: 2, duration_ms: 12, response_status: 200 },
      ],
    }),
  })
  expect((await cli('webhook', 'deliveries', uuid('2'), '--limit', '5')).out).toMatchInlineSnapshot(`
    "ID                                    TIME                  EVENT             DELIVERY   ATTEMPTS  LAST ANSWER
    33333333-aaaa-4aaa-8aaa-aaaaaaaaaaaa  2026-11-01 10:00:01Z  create succeeded  succeeded  1         200
    33333333-aaaa-4aaa-8aaa-aaaaaaaaaaaa  2026-11-01 10:00:01Z  create succeeded  queued     3         timed out
    "
  `)
  expect((await cli('webhook', 'delivery', uuid('2'), uuid('3'))).out).toMatchInlineSnapshot(`
    "id:        33333333-aaaa-4aaa-8aaa-aaaaaaaaaaaa
    event:     create succeeded, 11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa
    of:        mch_aaaaaaaaaaaaaaaaaaaa
    delivery:  succeeded

    ATTEMPT  TIME                  TOOK      STATUS  ERROR
    1        2026-11-01 10:00:01Z  10000 ms  -       timeout
    2        2026-11-01 10:00:01Z  12 ms     200     -
    "
  `)
})
