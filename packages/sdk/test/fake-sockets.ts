// WebSockets of the fake daemon: the handshake and whole text frames, as far as tests of clients need them.

import { createHash } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { CHANNELS, type ChannelId } from '@nullspace/contract/channels.ts'

export interface FakeSocket {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  /** Next frame of the client; undefined when the connection is over. */
  next(): Promise<unknown>
  send(frame: unknown): void
  /** Ends it in good order. */
  close(): void
  /** Breaks it. */
  drop(): void
}

/** A number refuses the upgrade with that status. */
export type SocketHandler = number | ((socket: FakeSocket) => void | Promise<void>)
export type SocketHandlers = { readonly [Id in ChannelId]?: SocketHandler }

const TEXT = 0x81
const CLOSE = 0x88
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Answers a function that mounts handlers, in place of earlier ones of the same channels. */
export function serveSockets(server: Server, key: string): (handlers: SocketHandlers) => void {
  const mounted = new Map<ChannelId, SocketHandler>()
  const open = new Set<Duplex>()
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => socket.destroy())
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake')
    for (const [id, handler] of mounted) {
      const found = new RegExp(`^${CHANNELS[id].path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(pathname)
      if (!found) continue
      const status = request.headers.authorization === `Bearer ${key}` ? handler : 401
      if (typeof status === 'number') return refuse(socket, status)
      void status(accept(request, socket, { params: { ...found.groups }, query: Object.fromEntries(searchParams) }))
      return
    }
    refuse(socket, 404)
  })
  server.on('close', () => open.forEach((socket) => socket.destroy()))
  const closeAll = server.closeAllConnections.bind(server)
  // Upgraded connections are not the server's any more.
  server.closeAllConnections = () => {
    closeAll()
    open.forEach((socket) => socket.destroy())
  }
  return (handlers) => {
    for (const id of Object.keys(handlers) as ChannelId[]) {
      const handler = handlers[id]
      if (handler !== undefined) mounted.set(id, handler)
    }
  }
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
}

function accept(request: IncomingMessage, socket: Duplex, { params, query }: Pick<FakeSocket, 'params' | 'query'>): FakeSocket {
  const proof = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64')
  socket.write(`HTTP/1.1 101 yes\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${proof}\r\n\r\n`)
  const waiting: unknown[] = []
  let ended = false
  let wake = (): void => {}
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
      rest = frame.rest
      if (frame.opcode === TEXT) waiting.push(JSON.parse(frame.payload.toString()))
      if (frame.opcode === CLOSE) socket.end(writeFrame(CLOSE, frame.payload))
      wake()
    }
  })
  socket.on('close', () => {
    ended = true
    wake()
  })
  return {
    params,
    query,
    headers: request.headers,
    async next() {
      while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve))
      return waiting.shift()
    },
    send: (frame) => void socket.write(writeFrame(TEXT, Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)))),
    close: () => void socket.end(writeFrame(CLOSE, Buffer.from([0x03, 0xe9]))),
    drop: () => void socket.destroy(),
  }
}

/** A whole frame at the beginning of `bytes`, unmasked. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; rest: Buffer<ArrayBuffer> } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1) & 0x7f
  const head = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < head) return undefined
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  const end = head + 4 + length
  if (bytes.length < end) return undefined
  const mask = bytes.subarray(head, head + 4)
  const payload = Buffer.from(bytes.subarray(head + 4, end).map((byte, index) => byte ^ (mask[index % 4] ?? 0)))
  return { opcode: bytes.readUInt8(0), payload, rest: Buffer.from(bytes.subarray(end)) }
}

function writeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = opcode
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
