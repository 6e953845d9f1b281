import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { exited, openChannel, printed } from './channel.ts'

let server: WebSocketServer
let asked: { path: string | undefined; key: string | undefined }
let answer: (socket: WebSocket, frame: unknown) => void

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  server.on('connection', (socket, request) => {
    asked = { path: request.url, key: request.headers.authorization }
    socket.on('message', (data: Buffer) => answer(socket, JSON.parse(data.toString())))
  })
  await new Promise((resolve) => server.once('listening', resolve))
})
afterEach(() => {
  for (const socket of server.clients) socket.terminate()
  server.close()
})

const open = () => openChannel({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'secret' }, 'mch_1', 'exec')
const says =
  (...frames: object[]) =>
  (socket: WebSocket): void =>
    frames.forEach((frame) => socket.send(JSON.stringify(frame)))

it('asks with the key, and waits for what it is told to', async () => {
  answer = says({ type: 'exec_started' }, { type: 'exec_stdout', data: 'one' }, { type: 'exec_exit', exit_code: 0 })
  using channel = await open()
  expect(await channel.ask({ type: 'exec_start' }, exited)).toBe(0)
  expect(asked).toEqual({ path: '/v1/machines/mch_1/ws?channel=exec', key: 'Bearer secret' })
})

it('finds text that comes in pieces, as often as wanted, and nothing of what came before', async () => {
  using channel = await open()
  answer = says({ type: 'pty_output', data: 'ab ab' }, { type: 'exec_exit', exit_code: 3 })
  expect(await channel.ask({}, exited)).toBe(3)
  answer = says({ type: 'pty_output', data: 'xa' }, { type: 'exec_stdout', data: 'ab' }, { type: 'pty_output', data: 'b' })
  await expect(channel.ask({}, printed('pty_output', 'ab', 2), 100)).rejects.toThrow('no answer on the channel in 100 ms')
  expect(await channel.ask({}, printed('pty_output', 'ab'))).toBe(true)
})

it('rejects on an error, when the connection ends, and ever after', async () => {
  using channel = await open()
  answer = says({ type: 'error', code: 'exec_failed', message: 'no such program' })
  await expect(channel.ask({}, exited)).rejects.toThrow('exec_failed: no such program')
  answer = (socket) => socket.close(1013, 'too much')
  await expect(channel.ask({}, exited)).rejects.toThrow('closed with 1013 too much')
  await expect(channel.ask({}, exited)).rejects.toThrow('closed with 1013 too much')
})
