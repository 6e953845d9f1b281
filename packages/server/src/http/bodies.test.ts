import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { bytesOf } from './bodies.ts'

let server: Server
afterEach(() => server.closeAllConnections())

/** A request of which nothing but this has come. */
async function requestWith(text: string): Promise<{ request: IncomingMessage; socket: Socket }> {
  server = createServer()
  const came = once(server, 'request') as Promise<[IncomingMessage]>
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n${text}`)
  const [request] = await came
  server.close()
  return { request, socket }
}

const read = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = ''
  for await (const chunk of bytes) all += Buffer.from(chunk).toString()
  return all
}

test('a body is read to its end', async () => {
  const { request, socket } = await requestWith('01234')
  const all = read(bytesOf(request))
  socket.write('56789')
  expect(await all).toBe('0123456789')
})

test('a body that stops coming is given up', async () => {
  const { request } = await requestWith('01234')
  await expect(read(bytesOf(request, 30))).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('Nothing came'),
  })
})

test('a client that is gone is told apart from an end', async () => {
  const { request, socket } = await requestWith('01234')
  const bytes = bytesOf(request)
  expect(Buffer.from((await bytes.next()).value).toString()).toBe('01234')
  const rest = bytes.next()
  socket.destroy()
  await expect(rest).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('gone') })
})

test('whoever stops reading leaves the connection open, and the rest is taken', async () => {
  const { request, socket } = await requestWith('01234')
  for await (const chunk of bytesOf(request)) if (chunk.length > 0) break
  socket.write('56789')
  await once(request, 'end')
  expect(request.socket.destroyed).toBe(false)
})
