// What every channel has in common: who gets in, what a connection may do, how it ends.

import { connect as connectTcp, type Socket } from 'node:net'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, describe, expect, test } from 'vitest'
import { connect } from './sockets.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

let world: World
const begin = async (options: WorldOptions = {}): Promise<World> => (world = await createWorld(options))
afterEach(async () => {
  if (!world.daemon.app.lifecycle.draining) expect((await world.call('GET', '/healthz', { key: null })).status).toBe(200)
  await world[Symbol.asyncDispose]()
})

interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: { code?: string }
}

async function openTcp(): Promise<Socket> {
  const { port } = new URL(await world.listen())
  return new Promise((resolve, reject) => {
    const socket = connectTcp(Number(port), '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })
}

async function raw(
  path: string,
  { method = 'GET', key = world.key.key, headers = {} as Record<string, string | null> } = {},
): Promise<RawAnswer> {
  const all: Record<string, string | null> = {
    host: 'x',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    authorization: key === '' ? null : `Bearer ${key}`,
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  const socket = await openTcp()
  const text = await new Promise<string>((resolve) => {
    let got = ''
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => resolve(got))
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  })
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  return { status: Number(head.split(' ')[1]), head, body: body.startsWith('{') ? JSON.parse(body) : {} }
}

describe('before the handshake every refusal is an HTTP answer', () => {
  test.each([
    ['no key', '/v1/lifecycle/ws', { key: '' }, 401, 'unauthorized'],
    ['a wrong key', '/v1/monitor/ws', { key: `ns_live_${'0'.repeat(40)}` }, 401, 'unauthorized'],
    ['an unknown path', '/v1/lifecycle/wss', {}, 404, 'not_found'],
    ['a path that is a route', '/v1/machines', {}, 404, 'not_found'],
    ['no path at all', 'http://x/v1/lifecycle/ws', {}, 404, 'not_found'],
    ['an unknown machine', '/v1/machines/mch_aaaaaaaaaaaaaaaaaaaa/lifecycle/ws', {}, 404, 'machine_not_found'],
    ['a machine id that is no text', '/v1/machines/%ff/lifecycle/ws', {}, 404, 'not_found'],
    ['another method', '/v1/lifecycle/ws', { method: 'POST' }, 405, 'method_not_allowed'],
    ['no nonce', '/v1/lifecycle/ws', { headers: { 'sec-websocket-key': null } }, 400, 'invalid_request'],
    ['an old version', '/v1/lifecycle/ws', { headers: { 'sec-websocket-version': '7' } }, 400, 'invalid_request'],
    ['work without a key', '/v1/machines/mch_x/ws?channel=exec', { key: '' }, 401, 'unauthorized'],
    ['a watch in an unknown machine', '/v1/machines/mch_aaaaaaaaaaaaaaaaaaaa/ws', {}, 404, 'machine_not_found'],
    ['an unknown channel', '/v1/machines/mch_x/ws?channel=constructor', {}, 400, 'invalid_request'],
    ['work in an unknown machine', '/v1/machines/mch_aaaaaaaaaaaaaaaaaaaa/ws?channel=exec', {}, 404, 'machine_not_found'],
  ])('%s', async (_what, path, options, status, code) => {
    await begin()
    const answer = await raw(path, options)
    expect([answer.status, answer.body.code]).toEqual([status, code])
    if (status === 405) expect(answer.head).toContain('allow: GET')
  })

  test('another owner’s machine is not told of', async () => {
    await begin()
    const { id } = await world.machine()
    const { key } = await world.otherOwner()
    expect((await raw(`/v1/machines/${id}/lifecycle/ws`, { key })).body.code).toBe('machine_not_found')
  })

  test('while the daemon drains', async () => {
    await begin()
    const socket = await connect(world, '/v1/monitor/ws')
    world.daemon.app.lifecycle.draining = true
    expect((await raw('/v1/lifecycle/ws')).body.code).toBe('draining')
    socket.ws.close()
  })

  test('a plain GET of a channel says what it is; an offer of h2c is declined by an ordinary answer', async () => {
    await begin()
    const { status, body } = await world.call('GET', '/v1/monitor/ws')
    expect([status, body.code, body.error]).toEqual([400, 'invalid_request', expect.stringContaining('WebSocket')])
    const answer = await raw('/healthz', { headers: { upgrade: 'h2c', connection: 'Upgrade, close' } })
    expect([answer.status, answer.body]).toEqual([200, { status: 'ok' }])
  })

  test('resets in the middle of the handshake harm nobody', async () => {
    await begin()
    const head = `GET /v1/lifecycle/ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nauthorization: Bearer ${world.key.key}\r\n\r\n`
    for (let i = 0; i < 20; i++) {
      const socket = await openTcp()
      socket.write(head)
      socket.resetAndDestroy()
    }
    const client = await connect(world, '/v1/monitor/ws')
    client.ws.close()
    await until(
      async () => (await world.daemon.app.metrics.sockets.get()).values[0]?.value,
      (count) => count === 0,
      { what: 'no connection is counted any more' },
    )
  })

  test('there is a bound for each owner, and it is freed again', async () => {
    await begin()
    const clients = await Promise.all(Array.from({ length: 200 }, () => connect(world, '/v1/monitor/ws')))
    // No 403, which the published client takes for a wrong key.
    const refused = await raw('/v1/monitor/ws')
    expect([refused.status, refused.body.code]).toEqual([409, 'capacity_exceeded'])
    const { key } = await world.otherOwner()
    ;(await connect(world, '/v1/monitor/ws', { key })).ws.close()
    for (const client of clients) client.ws.close()
    await Promise.all(clients.map(({ closed }) => closed))
    ;(await connect(world, '/v1/monitor/ws')).ws.close()
  })
})

describe('frames that are not part of the protocol', () => {
  test.each([
    ['text that is no JSON', (client: Awaited<ReturnType<typeof connect>>) => client.send('{'), 1008],
    ['another type', (client) => client.send({ type: 'hello' }), 1008],
    ['no object', (client) => client.send('null'), 1008],
    ['a filter of the wrong type', (client) => client.send({ type: 'subscribe', operation: 'explode' }), 1008],
    [
      'a filter without measure',
      (client) => client.send({ type: 'subscribe', metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, i])) }),
      1008,
    ],
    ['binary', (client) => client.ws.send(Buffer.from('{"type":"subscribe"}')), 1003],
  ] satisfies [string, (client: Awaited<ReturnType<typeof connect>>) => void, number][])('%s', async (_what, send, code) => {
    await begin()
    const client = await connect(world, '/v1/lifecycle/ws')
    send(client)
    expect(await client.closed).toBe(code)
    expect(client.frames).toEqual([{ type: 'error', message: expect.any(String), code: 'invalid_request' }])
  })

  test('too large', async () => {
    await begin()
    const client = await connect(world, '/v1/lifecycle/ws')
    client.send(`"${'x'.repeat(70_000)}"`)
    expect(await client.closed).toBe(1009)
  })

  test('none at all', async () => {
    await begin({ socketRules: { firstFrameWithinMs: 50 } })
    const client = await connect(world, '/v1/lifecycle/ws')
    expect(await client.closed).toBe(1008)
    expect(client.frames).toEqual([{ type: 'error', message: 'The first frame did not come in time.', code: 'invalid_request' }])
  })
})

describe('a connection ends', () => {
  test('when the other end answers no pings; and stays when it does', async () => {
    await begin({ socketRules: { pingEveryMs: 30 } })
    const alive = await connect(world, '/v1/lifecycle/ws')
    alive.send({ type: 'subscribe' })
    const dead = await connect(world, '/v1/lifecycle/ws')
    dead.send({ type: 'subscribe' })
    // The socket reads nothing any more, as that of a client that hangs.
    dead.ws.pause()
    await until(
      async () => (await world.daemon.app.metrics.sockets.get()).values[0]?.value,
      (count) => count === 1,
      { what: 'the dead one is dropped' },
    )
    await world.machine()
    await alive.frame((frame) => frame.type === 'event', 'an event on the one that lives')
    alive.ws.close()
  })

  test('when the key is revoked', async () => {
    await begin({ socketRules: { admitAgainEveryMs: 30 } })
    const { body } = await world.call('POST', '/v1/keys', { body: {} })
    const client = await connect(world, '/v1/monitor/ws', { key: body.key })
    const other = await connect(world, '/v1/monitor/ws')
    await world.call('DELETE', `/v1/keys/${body.id}`)
    expect(await client.closed).toBe(1008)
    expect(other.ws.readyState).toBe(other.ws.OPEN)
    other.ws.close()
  })

  test('when the daemon stops', async () => {
    await begin()
    const clients = await Promise.all(['/v1/monitor/ws', '/v1/lifecycle/ws'].map((path) => connect(world, path)))
    const drained = world.daemon.drain(5_000)
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([1001, 1001])
    await drained
  })
})
