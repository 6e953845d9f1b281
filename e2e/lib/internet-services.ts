// What answers in the test's internet. Started as a program inside its namespace, it says `ready` once all of it listens.
//   internet-services.ts ADDRESS

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'

/** The one name that its resolver knows. */
export const SITE = 'site.test'

if (import.meta.main) await serve(process.argv[2] ?? '')

async function serve(address: string): Promise<void> {
  const seen: Record<string, number> = {}
  const saw = (what: string): void => {
    seen[what] = (seen[what] ?? 0) + 1
  }

  const echo = createServer((socket: Socket) => {
    saw(`tcp ${socket.localAddress}`)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => socket.write(`${socket.remoteAddress} ${data.toString()}`))
  })
  echo.listen(7, '0.0.0.0')

  const datagrams = createSocket('udp4')
  datagrams.on('message', (data, peer) => {
    saw('udp')
    datagrams.send(`${peer.address} ${data.toString()}`, peer.port, peer.address)
  })
  datagrams.bind(7, '0.0.0.0')

  const resolver = createSocket('udp4')
  resolver.on('message', (query, peer) => {
    saw('dns')
    resolver.send(resolve(query, address), peer.port, peer.address)
  })
  resolver.bind(53, address)

  const web = createHttpServer(({ url }, response) => response.end(url === '/megabyte' ? 'x'.repeat(1 << 20) : JSON.stringify(seen)))
  web.listen(8080, address)

  await Promise.all([echo, datagrams, resolver, web].map((one) => once(one, 'listening')))
  process.stdout.write('ready\n')
}

/** RFC 1035, as far as one A record needs it. */
function resolve(query: Buffer, address: string): Buffer {
  const end = query.indexOf(0, 12) + 1
  const question = query.subarray(12, end + 4)
  const isAddress = query.readUInt16BE(end) === 1
  const known = nameIn(query) === SITE
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(known && isAddress ? 1 : 0, 6)
  if (!known || !isAddress) return Buffer.concat([header, question])
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
  return Buffer.concat([header, question, record])
}

function nameIn(query: Buffer): string {
  const labels: string[] = []
  for (let at = 12; query[at]; at += (query[at] ?? 0) + 1) labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return labels.join('.').toLowerCase()
}
