// Hostile and mistaken requests: each has a stated answer in the one envelope, and the daemon stays healthy.

import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES } from '@nullspace/contract/routes.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  expect((await world.call('GET', '/healthz', { key: null })).body).toEqual({ status: 'ok' })
  await world[Symbol.asyncDispose]()
})

const routes = Object.values(ROUTES) as RouteSpec[]
const pathOf = (spec: RouteSpec): string => spec.path.replaceAll(/\{\w+\}/g, 'mch_aaaaaaaaaaaaaaaaaaaa')

describe('keys', () => {
  test.each(routes.filter((spec) => spec.access !== 'none'))('$id refuses without and with a wrong key', async (spec) => {
    for (const key of [null, 'ns_live_0000000000000000000000000000000000000000', 'x', `${'a'.repeat(5000)}`]) {
      const answer = await world.call(spec.method, pathOf(spec), { key, ...(spec.body ? { body: {} } : {}) })
      expect(answer).toMatchObject({
        status: 401,
        body: { code: 'unauthorized', request_id: expect.stringMatching(/^req_/), retryable: false },
      })
    }
  })
  test('a revoked key stops working at once; keys belong to their owner', async () => {
    const made = await world.call('POST', '/v1/keys', { body: { name: 'ci' } })
    expect(made.status).toBe(201)
    const use = () => world.call('GET', '/v1/machines', { key: made.body.key })
    expect((await use()).status).toBe(200)
    const { key: mallory } = await world.otherOwner()
    expect((await world.call('DELETE', `/v1/keys/${made.body.id}`, { key: mallory })).body.code).toBe('key_not_found')
    expect((await world.call('DELETE', `/v1/keys/${made.body.id}`)).status).toBe(200)
    expect((await use()).status).toBe(401)
    expect((await world.call('POST', '/v1/keys', { body: { owner: 'bob' } })).body.code).toBe('forbidden')
    expect((await world.call('POST', '/v1/keys', { body: { scope: 'operator' } })).body.code).toBe('forbidden')
    const listed = await world.call('GET', '/v1/keys')
    expect(JSON.stringify(listed.body)).not.toContain(made.body.key)
  })
})

const refused: [what: string, body: unknown, code: string, says: string][] = [
  ['unknown field', { template: 'base', colour: 1 }, 'invalid_request', 'colour'],
  ['several unknown fields', { a: 1, b: 2 }, 'invalid_request', 'b: unknown field'],
  ['unknown template', { template: 'nope' }, 'template_not_found', 'nope'],
  ['wrong type', { vcpus: 'two' }, 'invalid_request', 'vcpus'],
  ['zero vcpus', { vcpus: 0 }, 'invalid_request', 'vcpus'],
  ['negative memory', { memory_mb: -1 }, 'invalid_request', 'memory_mb'],
  ['absurd memory', { memory_mb: 1e15 }, 'invalid_request', 'memory_mb'],
  ['half a vcpu', { vcpus: 1.5 }, 'invalid_request', 'vcpus'],
  ['zero timeout', { timeout_ms: 0 }, 'invalid_request', 'timeout_ms'],
  ['tiny disk', { disk_mb: 1 }, 'invalid_request', 'disk_mb'],
  ['huge disk', { disk_mb: 200_000 }, 'invalid_request', 'disk_mb'],
  ['relative cwd', { cwd: 'work' }, 'invalid_request', 'cwd'],
  ['reserved cwd', { cwd: '/workspace/x/../.nullspace/y' }, 'invalid_request', 'reserved'],
  ['NUL in cwd', { cwd: '/a\0b' }, 'invalid_request', 'cwd'],
  ['bad variable name', { envs: { 'A=B': 'x' } }, 'invalid_request', 'envs'],
  ['variable that is no string', { envs: { A: 1 } }, 'invalid_request', 'envs.A'],
  ['huge metadata', { metadata: { a: 'x'.repeat(20_000) } }, 'invalid_request', 'metadata'],
  ['metadata that is a list', { metadata: [1] }, 'invalid_request', 'metadata'],
  ['resuming what is destroyed at its timeout', { auto_resume: true }, 'invalid_request', 'auto_resume'],
  ['the same, said', { auto_resume: true, timeout_action: 'destroy' }, 'invalid_request', 'auto_resume'],
  ['two actions', { timeout_action: 'hibernate', lifecycle: { on_timeout: 'destroy' } }, 'invalid_request', 'name one'],
  ['two actions the other way', { timeout_action: 'destroy', lifecycle: { on_timeout: 'pause' } }, 'invalid_request', 'name one'],
  ['pausing what is ephemeral', { ephemeral: true, timeout_action: 'hibernate' }, 'invalid_request', 'ephemeral'],
  ['the same in other words', { ephemeral: true, lifecycle: { on_timeout: 'pause' } }, 'invalid_request', 'ephemeral'],
  ['resuming what is ephemeral', { ephemeral: true, auto_resume: true }, 'invalid_request', 'auto_resume'],
  ['a third action', { timeout_action: 'pause' }, 'invalid_request', 'timeout_action'],
  ['an idle time of nothing', { inactivity_timeout_ms: 0 }, 'invalid_request', 'inactivity_timeout_ms'],
  ['half a millisecond', { auto_delete_after_ms: 1.5 }, 'invalid_request', 'auto_delete_after_ms'],
  ['an endless timeout', { timeout_ms: 1e15 }, 'invalid_request', 'timeout_ms'],
  ['no such snapshot', { snapshot_id: 'snap_x' }, 'snapshot_not_found', 'snap_x'],
  ['a snapshot by another name', { snapshot_id: '../../etc/passwd' }, 'snapshot_not_found', ''],
  ['a snapshot without a name', { snapshot_id: '' }, 'invalid_request', 'snapshot_id'],
  ['network policy', { network: { allow_public_traffic: false } }, 'not_implemented', 'network'],
  ['volumes', { volumes: [{ ref: 'v', mount_path: '/v' }] }, 'not_implemented', 'volumes'],
  ['warm pool', { warm_pool: { id: 'twp_1' } }, 'not_implemented', 'warm_pool'],
  ['a list', [], 'invalid_request', ''],
  ['a string', '"x"', 'invalid_request', ''],
  ['broken JSON', '{"a":', 'invalid_request', 'not valid JSON'],
  ['prototype games', '{"__proto__": {"vcpus": 3}, "constructor": 1}', 'invalid_request', ''],
]

describe('create', () => {
  test.each(refused)('%s', async (_what, body, code, says) => {
    const answer = await world.call('POST', '/v1/machines', { body })
    expect(answer.body).toMatchObject({ code, error: expect.stringContaining(says), suggested_action: expect.any(String) })
    expect(answer.headers['x-request-id']).toBe(answer.body.request_id)
  })
  test('a body over the limit, a body of another kind, a key with spaces', async () => {
    const post = (headers: Record<string, string>, body: string) => world.call('POST', '/v1/machines', { body, headers })
    expect((await post({}, JSON.stringify({ metadata: { a: 'x'.repeat(9_000_000) } }))).body.code).toBe('payload_too_large')
    expect((await post({ 'content-type': 'text/plain' }, 'vcpus=1')).body.code).toBe('unsupported_media_type')
    expect((await post({ 'idempotency-key': 'a b' }, '{}')).body).toMatchObject({ code: 'invalid_request', details: { in: 'headers' } })
  })
  test('nothing was made by any of it', async () => {
    expect((await world.call('GET', '/v1/machines')).body).toEqual([])
    expect(await world.leftovers()).toEqual([])
  })
})

describe('exec', () => {
  test.each([
    ['no command', {}, 400, 'invalid_request'],
    ['empty command', { command: '' }, 400, 'invalid_request'],
    ['shell with arguments', { command: 'a', shell: true, args: ['b'] }, 400, 'invalid_request'],
    ['in the background, no such program', { command: 'no-such', background: true }, 502, 'exec_failed'],
    ['zero time', { command: 'a', timeout_secs: 0 }, 400, 'invalid_request'],
    ['NUL', { command: 'a\0b' }, 400, 'invalid_request'],
    ['relative cwd', { command: 'true', cwd: 'x' }, 400, 'invalid_request'],
    ['reserved cwd', { command: 'true', cwd: '/workspace/.nullspace' }, 400, 'invalid_request'],
    ['missing cwd', { command: 'true', cwd: '/no/such/dir' }, 400, 'invalid_request'],
    ['unknown program', { command: 'no-such-program' }, 502, 'exec_failed'],
    ['unknown field', { command: 'true', timeout: 5 }, 400, 'invalid_request'],
  ])('%s', async (_what, body, status, code) => {
    const { id } = await world.machine()
    const answer = await world.call('POST', `/v1/machines/${id}/exec`, { body })
    expect([answer.status, answer.body.code]).toEqual([status, code])
    await world.call('DELETE', `/v1/machines/${id}`)
  })
})

test.each([
  ['/v1/machines?limit=0', 'invalid_request'],
  ['/v1/machines?limit=101', 'invalid_request'],
  ['/v1/machines?limit=x', 'invalid_request'],
  ['/v1/machines?state=asleep', 'invalid_request'],
  ['/v1/machines?next_token=rubbish', 'invalid_request'],
  ['/v1/machines?metadata=[1]', 'invalid_request'],
  ['/v1/machines?metadata={', 'invalid_request'],
  ['/v1/machines?fields=id,nope', 'invalid_fields'],
  ['/v1/machines?colour=red', 'invalid_request'],
  ['/v1/machines/mch_x?fields=', 'invalid_fields'],
  ['/v1/nothing', 'not_found'],
  ['/v1/machines/', 'machine_not_found'],
  ['/v1/machines/a/b/c', 'not_found'],
  ['/v1/machines/%zz', 'invalid_request'],
  ['/v1/machines/..%2f..%2fetc', 'machine_not_found'],
])('GET %s is %s', async (path, code) => {
  expect((await world.call('GET', path)).body.code).toBe(code)
})

test('a published route that is not built says so, to those with a key', async () => {
  const path = '/v1/functions'
  expect(await world.call('GET', path)).toMatchObject({ status: 501, body: { code: 'not_implemented' } })
  expect((await world.call('GET', path, { key: null })).status).toBe(401)
})

test('a method that is not there names those that are', async () => {
  const answer = await world.call('PUT', '/v1/machines')
  expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' }, headers: { allow: 'POST, GET' } })
})

test.each([
  ['rubbish', 'hello\r\n\r\n', 400],
  ['no host', 'GET /v1/nothing HTTP/1.1\r\nconnection: close\r\n\r\n', 404],
  ['an unknown expectation', 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: miracles\r\n\r\n', 417],
  ['a tunnel', 'CONNECT example.test:443 HTTP/1.1\r\nhost: x\r\n\r\n', 405],
  ['a header without end', `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
  [
    'an upgrade',
    'GET /v1/machines/mch_x/ws?channel=exec HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    401,
  ],
])('%s on the socket gets an envelope too', async (_what, bytes, status) => {
  if (!world.daemon.http.server.listening) await world.daemon.http.listen({ host: '127.0.0.1', port: 0 })
  const { port } = world.daemon.http.server.address() as AddressInfo
  const text = await new Promise<string>((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()))
    socket.on('close', () => resolve(got))
    socket.on('error', reject)
  })
  const [head = '', body = ''] = text.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(JSON.parse(body)).toMatchObject({ code: expect.any(String), error: expect.any(String) })
})
