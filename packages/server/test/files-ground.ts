// Where files of a machine are tested over HTTP: one world for a file, with one machine.

import type { InjectOptions } from 'fastify'
import { afterAll, beforeAll, expect } from 'vitest'
import { createWorld, type World } from './world.ts'

export const BOUNDARY = 'b0undary'
export const form = (parts: [name: string, content: string | Buffer][], { close = true } = {}): InjectOptions => ({
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  payload: Buffer.concat([
    ...parts.map(([name, content]) =>
      Buffer.concat([
        Buffer.from(
          `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${name === 'manifest' ? '' : '; filename="x"'}\r\n\r\n`,
        ),
        Buffer.from(content),
        Buffer.from('\r\n'),
      ]),
    ),
    Buffer.from(close ? `--${BOUNDARY}--\r\n` : ''),
  ]),
})

/** Call it once per file. */
export function useFiles() {
  let world: World
  let machine: string
  beforeAll(async () => {
    world = await createWorld()
    machine = (await world.machine({ timeout_ms: 86_400_000 })).id
  })
  afterAll(async () => {
    expect((await world.call('GET', '/healthz', { key: null })).status).toBe(200)
    await world[Symbol.asyncDispose]()
  })

  const post = async (verb: string, body: unknown) => world.call('POST', `/v1/machines/${machine}/files/${verb}`, { body })
  const write = (path: string, content: string, more: object = {}) => post('write', { path, content, ...more })
  const inject = (method: 'GET' | 'HEAD' | 'PUT' | 'POST', url: string, options: InjectOptions = {}) =>
    world.daemon.http.inject({ ...options, method, url, headers: { authorization: `Bearer ${world.key.key}`, ...options.headers } })
  const get = (query: string, headers: Record<string, string> = {}) => inject('GET', `/v1/machines/${machine}/file?${query}`, { headers })

  return {
    get world(): World {
      return world
    },
    get machine(): string {
      return machine
    },
    ...{ post, write, inject, get },
  }
}
