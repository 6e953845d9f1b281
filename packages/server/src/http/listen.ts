// Where the daemon listens. Without a wish it is port 3000, which existing clients assume, or the next free one.

import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'

const FIRST_PORT = 3000
const TRIES = 50

/** Returns the base URL. */
export async function listen(server: FastifyInstance, { host, port }: { host: string; port: number | undefined }): Promise<string> {
  if (port !== undefined) return await at(server, host, port)
  for (let next = FIRST_PORT; next < FIRST_PORT + TRIES; next++) {
    try {
      return await at(server, host, next)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${FIRST_PORT + TRIES - 1}; set NULLSPACE_PORT`)
}

async function at(server: FastifyInstance, host: string, port: number): Promise<string> {
  await server.listen({ host, port })
  const address = server.server.address() as AddressInfo
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${address.port}`
}
