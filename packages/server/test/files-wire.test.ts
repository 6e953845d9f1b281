// Transfers over real connections: what does not come whole, what nobody reads, and who waits for whom.

import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { holdMemory, MOST_BYTES, MOST_BYTES_OF_OWNER } from '../src/app/held-memory.ts'
import { connect } from './sockets.ts'
import { createWorld, type World } from './world.ts'

let world: World
let machine: string
const sockets: Socket[] = []
beforeEach(async () => {
  world = await createWorld()
  machine = (await world.machine({ timeout_ms: 86_400_000 })).id
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  expect((await world.call('GET', '/healthz', { key: null })).status).toBe(200)
  await world[Symbol.asyncDispose]()
})

const fileUrl = (path: string) => `/v1/machines/${machine}/file?path=${encodeURIComponent(path)}`
const exists = async (path: string) =>
  (await world.call('POST', `/v1/machines/${machine}/files/exists`, { body: { path } })).body.exists as boolean
const busy = () => world.daemon.app.activity.busy(machine)
const idle = () => until(busy, (now) => !now, { what: 'the machine is in use no more' })

async function tcp(): Promise<Socket> {
  const { port } = new URL(await world.listen())
  const socket = connectTcp(Number(port), '127.0.0.1')
  sockets.push(socket)
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

const head = (method: string, path: string, headers: Record<string, string | number>, key = world.key.key) =>
  `${[
    `${method} ${path} HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${key}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n')}\r\n\r\n`

/** Sends all of a body, deaf and dumb, and only then reads: as many clients do. */
async function sendThenRead(text: string, body: Buffer): Promise<{ status: number; code: string; socket: Socket }> {
  const socket = await tcp()
  socket.pause()
  socket.write(text)
  for (let at = 0; at < body.length; at += 256 * 1024) {
    if (!socket.write(body.subarray(at, at + 256 * 1024))) await once(socket, 'drain')
  }
  return { ...(await answerOn(socket)), socket }
}

async function answerOn(socket: Socket): Promise<{ status: number; code: string }> {
  let got = ''
  socket.on('data', (chunk: Buffer) => (got += chunk.toString()))
  socket.resume()
  await until(
    () => got,
    (text) => text.includes('\r\n\r\n') && text.endsWith('}'),
    { what: 'an answer' },
  )
  socket.removeAllListeners('data')
  return { status: Number(got.split(' ')[1]), code: JSON.parse(got.split('\r\n\r\n')[1] ?? '').code }
}

describe('an upload', () => {
  test('comes in pieces, without a length and without a type', async () => {
    const url = new URL(fileUrl('/tmp/piecemeal'), await world.listen())
    const request = httpRequest(url, { method: 'PUT', headers: { authorization: `Bearer ${world.key.key}` } })
    request.removeHeader('content-type')
    const answer = once(request, 'response') as Promise<[IncomingMessage]>
    for (let i = 0; i < 50; i++) if (!request.write(Buffer.alloc(20_000, i))) await once(request, 'drain')
    request.end()
    expect((await answer)[0].statusCode).toBe(204)
    const info = await world.call('POST', `/v1/machines/${machine}/files/info`, { body: { path: '/tmp/piecemeal' } })
    expect(info.body.size).toBe(1_000_000)
  })

  test('holds the machine in use while it lasts, and leaves nothing when its client is gone', async () => {
    const socket = await tcp()
    socket.write(head('PUT', fileUrl('/tmp/half'), { 'content-length': 1_000_000 }))
    socket.write(Buffer.alloc(100_000))
    await until(busy, Boolean, { what: 'the machine is in use' })
    socket.destroy()
    await idle()
    expect(await exists('/tmp/half')).toBe(false)
  })

  test('in a form that ends in the middle leaves nothing, either', async () => {
    const socket = await tcp()
    socket.write(head('POST', fileUrl('/tmp/half'), { 'content-length': 1_000_000, 'content-type': 'multipart/form-data; boundary=b' }))
    socket.write(`--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n${'x'.repeat(100_000)}`)
    await until(busy, Boolean, { what: 'the machine is in use' })
    socket.destroy()
    await idle()
    expect(await exists('/tmp/half')).toBe(false)
  })
})

describe('a client that sends all before it reads', () => {
  const bytes = Buffer.alloc(9 * 1024 * 1024, 'x')
  test.each<[string, () => [string, string, Record<string, string>, string?], number, string]>([
    ['without a key', () => ['PUT', fileUrl('/tmp/x'), {}, 'wrong'], 401, 'unauthorized'],
    ['for a directory', () => ['PUT', fileUrl('/tmp'), {}], 409, 'file_error'],
    ['for a reserved path', () => ['PUT', fileUrl('/workspace/.nullspace/x'), {}], 400, 'invalid_request'],
    ['for no machine', () => ['PUT', '/v1/machines/mch_aaaaaaaaaaaaaaaaaaaa/file?path=/x', {}], 404, 'machine_not_found'],
    ['as another type', () => ['POST', fileUrl('/tmp/x'), { 'content-type': 'text/plain' }], 415, 'unsupported_media_type'],
    [
      'of a form without its part',
      () => ['POST', fileUrl('/tmp/x'), { 'content-type': 'multipart/form-data; boundary=b' }],
      400,
      'invalid_request',
    ],
    ['of JSON that is too large', () => ['POST', '/v1/machines', { 'content-type': 'application/json' }], 413, 'payload_too_large'],
  ])('%s learns why, and may go on', async (_what, ask, status, code) => {
    const [method, path, headers, key] = ask()
    const { socket, ...answer } = await sendThenRead(head(method, path, { ...headers, 'content-length': bytes.length }, key), bytes)
    expect(answer).toEqual({ status, code })
    socket.write(head('GET', '/v1/machines/mch_x', {}))
    expect(await answerOn(socket)).toEqual({ status: 404, code: 'machine_not_found' })
  })
})

describe('large JSON', () => {
  const body = JSON.stringify({ path: '/tmp/json', content: 'x'.repeat(9 * 1024 * 1024) })
  const write = (headers: Record<string, string> = {}) => world.call('POST', `/v1/machines/${machine}/files/write`, { body, headers })

  /** Others leave 4 MiB. */
  const fill = (): DisposableStack => {
    const all = new DisposableStack()
    for (const bytes of [MOST_BYTES_OF_OWNER, MOST_BYTES - MOST_BYTES_OF_OWNER - 4 * 1024 * 1024])
      all.use(holdMemory(world.daemon.app, `own_${bytes}`, bytes))
    return all
  }

  test('of all requests together has a bound; what is small does not count', async () => {
    using full = fill()
    expect(await write()).toMatchObject({ status: 409, body: { code: 'capacity_exceeded', retryable: true } })
    const small = { path: '/tmp/small', content: 'x' }
    expect((await world.call('POST', `/v1/machines/${machine}/files/write`, { body: small })).status).toBe(200)
    full.dispose()
    expect((await write()).status).toBe(200)
    expect((await write()).status).toBe(200)
  })

  test('of one owner leaves some room for others', async () => {
    const owner = world.daemon.app.db.selectFrom('owners').select('id').where('name', '=', 'alice')
    using _full = holdMemory(world.daemon.app, (await owner.executeTakeFirstOrThrow()).id, MOST_BYTES_OF_OWNER)
    expect(await write()).toMatchObject({ status: 409, body: { code: 'capacity_exceeded' } })
    const { key } = await world.otherOwner()
    const other = world.call('POST', `/v1/machines/${machine}/files/write`, { body, key })
    expect((await other).body.code).toBe('machine_not_found')
  })

  test('that is never taken is too large, however much room there is', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': 900 * 1024 * 1024 }
    const { socket, ...answer } = await sendThenRead(head('POST', `/v1/machines/${machine}/files/write`, headers), Buffer.from('{'))
    expect(answer).toEqual({ status: 413, code: 'payload_too_large' })
    socket.destroy()
  })

  test('without a length is counted as it comes', async () => {
    using full = fill()
    const url = new URL(`/v1/machines/${machine}/files/write`, await world.listen())
    const headers = { authorization: `Bearer ${world.key.key}`, 'content-type': 'application/json' }
    const send = async (): Promise<number | undefined> => {
      const request = httpRequest(url, { method: 'POST', headers })
      const answer = once(request, 'response') as Promise<[IncomingMessage]>
      request.write(body.slice(0, 1000))
      request.end(body.slice(1000))
      const [{ statusCode }] = await answer
      return statusCode
    }
    expect(await send()).toBe(409)
    full.dispose()
    expect(await send()).toBe(200)
  })
})

describe('a download', () => {
  test('ends with its client', async () => {
    const content = Buffer.alloc(4 * 1024 * 1024).toString('base64')
    await world.call('POST', `/v1/machines/${machine}/files/write`, { body: { path: '/tmp/long', content, encoding: 'base64' } })
    const socket = await tcp()
    socket.pause()
    socket.write(head('GET', fileUrl('/tmp/long'), {}))
    await until(busy, Boolean, { what: 'the machine is in use' })
    socket.destroy()
    await idle()
  })
})

describe('a watch', () => {
  const watch = (more: object = {}) => ({
    type: 'file_watch',
    id: 'watch_1',
    path: '/tmp',
    user: null,
    recursive: true,
    timeout_secs: null,
    ...more,
  })
  const open = () => connect(world, `/v1/machines/${machine}/ws`)
  const write = (path: string) => world.call('POST', `/v1/machines/${machine}/files/write`, { body: { path, content: '' } })

  test('tells of what changes from its acknowledgement on', async () => {
    const client = await open()
    client.send(watch())
    await client.frame(({ type }) => type === 'file_watch_started', 'the acknowledgement')
    await write('/tmp/sub/new')
    const event = await client.frame((frame) => frame.path === '/tmp/sub/new', 'the change')
    expect(event).toMatchObject({ type: 'file_event', id: 'watch_1', event: expect.any(String), name: 'sub/new' })
    expect(client.frames[0]).toEqual({ type: 'file_watch_started', id: 'watch_1' })
    expect(busy()).toBe(true)
    client.ws.close()
    await idle()
  })

  test('ends with 1000 when its time is over', async () => {
    const client = await open()
    client.send(watch({ timeout_secs: 0.05 }))
    expect(await client.closed).toBe(1000)
    expect(client.frames).toEqual([{ type: 'file_watch_started', id: 'watch_1' }])
    await idle()
  })

  test.each([
    ['what is not there', { path: '/tmp/none' }, 'file_not_found'],
    ['what is reserved', { path: '/workspace/.nullspace' }, 'invalid_request'],
    ['as nobody', { user: 'no-such-user' }, 'invalid_request'],
  ])('of %s is refused with its id', async (_what, more, code) => {
    const client = await open()
    client.send(watch(more))
    expect(await client.closed).toBe(1000)
    expect(client.frames).toMatchObject([{ type: 'error', id: 'watch_1', code, message: expect.any(String) }])
    await idle()
  })

  test('is one per connection, and begins with its frame', async () => {
    const two = await open()
    two.send(watch())
    two.send(watch())
    expect(await two.closed).toBe(1008)
    await idle()
    const wrong = await open()
    wrong.send({ type: 'exec_start', id: 'x', command: 'true' })
    expect(await wrong.closed).toBe(1008)
    expect(wrong.frames).toMatchObject([{ type: 'error', id: 'x', code: 'invalid_request' }])
    const nul = await open()
    nul.send(watch({ path: '/a\0b' }))
    expect(await nul.closed).toBe(1008)
    expect(nul.frames).toMatchObject([{ type: 'error', id: 'watch_1', message: expect.stringContaining('path') }])
  })

  test('ends with its machine, and says so', async () => {
    const client = await open()
    client.send(watch())
    await client.frame(({ type }) => type === 'file_watch_started', 'the acknowledgement')
    await world.call('DELETE', `/v1/machines/${machine}`)
    expect(await client.closed).toBe(1000)
    expect(client.frames.at(-1)).toMatchObject({ type: 'error', id: 'watch_1', code: 'machine_not_found' })
  })
})
