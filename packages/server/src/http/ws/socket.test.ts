// Back-pressure of one connection, on a real pair of sockets.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from '@nullspace/vmm/exam/until.ts'
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../observe/logger.ts'
import { ChannelSocket, SOCKET_RULES, type SocketRules, type Waiting } from './socket.ts'

let http: Server
let client: WebSocket

beforeEach(() => {
  http = createServer()
})
afterEach(() => {
  client.terminate()
  http.close()
})

async function pair(rules: Partial<SocketRules>, ofOwner: Waiting = { bytes: 0 }): Promise<{ socket: ChannelSocket; ws: WebSocket }> {
  // The types are behind by one option.
  const options: ServerOptions & { closeTimeout: number } = { server: http, closeTimeout: 100 }
  const server = new WebSocketServer(options)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<WebSocket>((resolve) => server.on('connection', resolve))
  client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  client.on('error', () => {})
  const [ws] = await Promise.all([accepted, new Promise((resolve) => client.on('open', resolve))])
  return { ws, socket: new ChannelSocket(ws, { rules: { ...SOCKET_RULES, ...rules }, ofOwner, log: silentLogger() }) }
}

const MIB = 'x'.repeat(1024 * 1024)

test('a client that reads nothing is closed when more waits than is held, and nothing more is taken', async () => {
  const { socket } = await pair({ mostWaitingBytes: 2 * 1024 * 1024 })
  client.pause()
  const closed = new Promise<number>((resolve) => client.on('close', resolve))
  let sent = 0
  while (!socket.signal.aborted && sent < 100) {
    socket.send({ text: MIB })
    sent++
    await new Promise(setImmediate)
  }
  // What the kernel holds for the two ends is some MiB as well.
  expect(sent).toBeLessThan(20)
  const held = socket.waitingBytes
  socket.send({ text: MIB })
  expect(socket.waitingBytes).toBe(held)
  client.resume()
  expect(await closed).toBe(1013)
})

test('a client that stops reading is closed after some looks, and pings do not count meanwhile', async () => {
  const { socket, ws } = await pair({ pingEveryMs: 20, mostStalls: 4 })
  client.pause()
  const closed = new Promise<number>((resolve) => ws.on('close', resolve))
  for (let i = 0; i < 8 && !socket.crowded; i++) {
    socket.send({ text: MIB })
    await new Promise(setImmediate)
  }
  expect(socket.crowded).toBe(true)
  await until(
    () => socket.signal.aborted,
    (aborted) => aborted,
    { what: 'given up' },
  )
  client.resume()
  expect(await closed).toBe(1013)
})

test('who waits until there is room goes on when it is read, and when the connection ends', async () => {
  const { socket } = await pair({})
  client.pause()
  for (let i = 0; i < 3 || !socket.crowded; i++) socket.send({ text: MIB.slice(0, 600_000) })
  let passed = 0
  const first = socket.drained().then(() => passed++)
  const second = socket.drained().then(() => passed++)
  expect(passed).toBe(0)
  client.resume()
  await Promise.all([first, second])
  client.pause()
  while (!socket.crowded) socket.send({ text: MIB.slice(0, 600_000) })
  const third = socket.drained()
  client.terminate()
  await third
})

test('what waits for an owner is bounded over all connections, and none of it is counted for one that is gone', async () => {
  const ofOwner = { bytes: 2 * 1024 * 1024 }
  const { socket, ws } = await pair({ mostWaitingBytesOfOwner: 4 * 1024 * 1024 }, ofOwner)
  client.pause()
  expect(socket.crowded).toBe(false)
  while (!socket.crowded) socket.send({ text: 'x'.repeat(50_000) })
  // Far below what one connection may have: others of the owner have a lot.
  expect(socket.waitingBytes).toBeLessThan(256 * 1024)
  const closed = new Promise((resolve) => ws.on('close', resolve))
  for (let n = 0; n < 3; n++) socket.send({ text: MIB })
  expect(socket.signal.aborted).toBe(true)
  client.terminate()
  await closed
  expect([ofOwner.bytes, socket.waitingBytes]).toEqual([2 * 1024 * 1024, 0])
})

test('a client that is made to wait is pinged all the same, and not given up for what it cannot be heard to answer', async () => {
  const { socket } = await pair({ pingEveryMs: 20, firstFrameWithinMs: 60_000 })
  let pings = 0
  client.on('ping', () => pings++)
  socket.reading = false
  await until(
    () => pings,
    (told) => told > 10,
    { what: 'pings' },
  )
  expect(socket.signal.aborted).toBe(false)
  client.terminate()
  await until(
    () => socket.signal.aborted,
    (aborted) => aborted,
    { what: 'its end is noticed' },
  )
})

test('a client that reads slowly gets all that was sent before the end', async () => {
  const { socket } = await pair({})
  let got = 0
  client.on('message', () => got++)
  const closed = new Promise<number>((resolve) => client.on('close', resolve))
  client.pause()
  let sent = 0
  for (; socket.waitingBytes === 0; sent++) {
    socket.send({ text: 'x'.repeat(50_000) })
    await new Promise(setImmediate)
  }
  socket.finish(1000, 'that was all')
  // Longer than a client is given to answer a closing.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(socket.signal.aborted).toBe(false)
  client.resume()
  expect(await closed).toBe(1000)
  expect(got).toBe(sent)
})
