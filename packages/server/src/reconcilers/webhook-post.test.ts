// What an endpoint may do to us, with real sockets: hang, trickle, redirect, lie, and point at a neighbour.

import { createHmac } from 'node:crypto'
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type PostRules, postRules, postWebhook, type WebhookPost } from './webhook-post.ts'

const open: Server[] = []
const sockets = new Set<Socket>()
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

async function listen(server: Server): Promise<string> {
  open.push(server)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=1`
}
const http = (listener: RequestListener): Promise<string> => listen(createHttp(listener))
const tcp = (listener: (socket: Socket) => void): Promise<string> => listen(createTcp(listener))

const post = (url: string, rules: Partial<PostRules> = {}, change: Partial<WebhookPost> = {}, stop?: AbortSignal) =>
  postWebhook(
    { url, secret: 'a secret', webhookId: 'w-1', deliveryId: 'd-1', eventId: 'e-1', body: '{"é":1}', ...change },
    { ...postRules(true), timeoutMs: 400, ...rules },
    stop,
  )

test('posts the body as it is, with headers that say what it is and who signed it', async () => {
  const seen = Promise.withResolvers<{ request: IncomingMessage; body: Buffer }>()
  const url = await http((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.resolve({ request, body: Buffer.concat(chunks) })
      response.writeHead(204).end()
    })
  })
  expect(await post(url)).toEqual({ responseStatus: 204, error: null })
  const { request, body } = await seen.promise
  expect([request.method, request.url, body.toString()]).toEqual(['POST', '/hook?a=1', '{"é":1}'])
  expect(request.headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': '8',
    'x-nullspace-webhook-id': 'w-1',
    'x-nullspace-delivery-id': 'd-1',
    'x-nullspace-event-id': 'e-1',
    'x-nullspace-signature-version': '1',
    'x-nullspace-signature': `sha256=${createHmac('sha256', 'a secret').update(body).digest('hex')}`,
  })
})

describe('an endpoint that', () => {
  test('fails is told by its status', async () => {
    const url = await http((_request, response) => response.writeHead(500).end('no'))
    expect(await post(url)).toEqual({
      responseStatus: 500,
      error: { code: 'http_status', message: 'The endpoint answered 500: no success.' },
    })
  })

  test('redirects, be it to itself, is not followed', async () => {
    let requests = 0
    const url = await http((_request, response) => {
      requests++
      response.writeHead(307, { location: '/hook' }).end()
    })
    expect(await post(url)).toMatchObject({ responseStatus: 307, error: { code: 'http_status' } })
    expect(requests).toBe(1)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['hangs', (socket) => socket.resume()],
    ['accepts and reads nothing', (socket) => socket.pause()],
    ['trickles its head', (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nx-a: ', 'a')],
    ['sends provisional answers for ever', (socket) => trickle(socket, '', 'HTTP/1.1 100 Continue\r\n\r\n')],
  ])('%s costs the time there is and no more', async (_what, listener) => {
    expect(await post(await tcp(listener))).toEqual({
      responseStatus: null,
      error: { code: 'timeout', message: 'The endpoint did not answer within 0.4 s.' },
    })
  })

  test('trickles its body has answered with its status', async () => {
    const url = await tcp((socket) => trickle(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', 'a'))
    expect(await post(url)).toEqual({ responseStatus: 200, error: null })
  })

  test('has no end of things to say is cut off', async () => {
    let sent = 0
    const url = await tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const more = (): void => {
        while (!socket.destroyed && sent < 200 * 1024 * 1024 && socket.write(Buffer.alloc(65_536))) sent += 65_536
      }
      socket.on('drain', more)
      more()
    })
    expect(await post(url, { timeoutMs: 10_000 })).toEqual({ responseStatus: 200, error: null })
    expect(sent).toBeLessThan(32 * 1024 * 1024)
  })

  test.each<[string, (socket: Socket) => void, string]>([
    ['answers garbage', (socket) => socket.end('220 smtp.example.test ESMTP\r\n'), 'bad_answer'],
    ['has a head without measure', (socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`), 'bad_answer'],
    ['closes', (socket) => socket.destroy(), 'connection_failed'],
    ['resets', (socket) => socket.resetAndDestroy(), 'connection_failed'],
  ])('%s has failed', async (_what, listener, code) => {
    expect(await post(await tcp((socket) => void socket.once('data', () => listener(socket))))).toMatchObject({
      responseStatus: null,
      error: { code },
    })
  })

  test('changes the protocol is no success', async () => {
    const change = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'
    const url = await tcp((socket) => void socket.once('data', () => socket.write(change)))
    expect(await post(url)).toMatchObject({ responseStatus: 101, error: { code: 'http_status' } })
  })

  test('is not there has failed; and one that speaks no TLS', async () => {
    const url = await tcp(() => {})
    await new Promise((resolve) => open.pop()?.close(resolve))
    expect(await post(url)).toMatchObject({
      error: { code: 'connection_failed', message: 'The connection to the endpoint failed: ECONNREFUSED.' },
    })
    const plain = await http((_request, response) => response.end())
    expect(await post(plain.replace('http:', 'https:'))).toMatchObject({ responseStatus: null, error: { code: 'tls_failed' } })
  })
})

describe('targets', () => {
  const resolves =
    (...addresses: string[]) =>
    async (): Promise<readonly string[]> =>
      addresses
  const { allows } = postRules(false)
  const blocked = { responseStatus: null, error: { code: 'blocked_target', message: 'The endpoint is not on the public internet.' } }

  test('a private address is refused, as itself and behind a name, and nothing is connected', async () => {
    let connections = 0
    const url = await http((_request, response) => response.end())
    open[0]?.on('connection', () => connections++)
    expect(await post(url, { allows })).toEqual(blocked)
    const { port } = new URL(url)
    for (const addresses of [
      ['127.0.0.1'],
      ['::1'],
      ['::ffff:127.0.0.1'],
      ['1.1.1.1', '127.0.0.1'],
      ['127.0.0.1', '1.1.1.1'],
      ['fe80::1%lo'],
    ])
      expect(await post(`http://rebound.test:${port}/`, { allows, resolve: resolves(...addresses) })).toEqual(blocked)
    expect(connections).toBe(0)
  })

  test('what was looked at is what is connected to: a second answer of the resolver changes nothing', async () => {
    const url = await http((_request, response) => response.end())
    const { port } = new URL(url)
    // On Linux all of 127/8 is this host, and our endpoint listens on one address of it.
    let asked = 0
    const resolve = async (): Promise<readonly string[]> => (asked++ === 0 ? ['127.0.0.2'] : ['127.0.0.1'])
    const result = await post(`http://rebound.test:${port}/`, { allows: (address) => address !== '127.0.0.1', resolve })
    expect([asked, result.error?.code]).toEqual([1, 'connection_failed'])
  })

  test('an allowed private target is reached by its name', async () => {
    const url = await http((_request, response) => response.end())
    const { port } = new URL(url)
    expect(await post(`http://inside.test:${port}/`, { resolve: resolves('127.0.0.1') })).toEqual({ responseStatus: 200, error: null })
    expect(await post(`http://localhost:${port}/`)).toEqual({ responseStatus: 200, error: null })
  })

  test('a name without an address, and one whose resolver fails or hangs', async () => {
    const at = (resolve: PostRules['resolve'] & {}) => post('http://nowhere.test/', { allows, resolve })
    expect(await at(resolves())).toMatchObject({ error: { code: 'name_not_found' } })
    expect(await at(() => Promise.reject(new Error('SERVFAIL')))).toMatchObject({ error: { code: 'name_not_found' } })
    expect(await at(() => new Promise(() => {}))).toMatchObject({ error: { code: 'timeout' } })
  })
})

test('a daemon that stops gives up at once', async () => {
  const stop = new AbortController()
  const url = await tcp((socket) => void socket.once('data', () => stop.abort()))
  expect(await post(url, { timeoutMs: 60_000 }, {}, stop.signal)).toMatchObject({ error: { code: 'interrupted' } })
})

function trickle(socket: Socket, head: string, drop: string): void {
  socket.write(head)
  const timer = setInterval(() => socket.write(drop), 20)
  socket.on('close', () => clearInterval(timer))
}
