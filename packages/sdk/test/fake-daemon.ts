// A small HTTP server that answers as the contract says: bodies in and out go through the route's own schemas. For the tests of
// the SDK and the CLI; what a handler may do is answer, refuse (throw an AppError), or break the connection.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, errorBody } from '@nullspace/contract/errors.ts'
import { BYTES, type BodyPart, type BytesAnswer, type RouteBody, type RouteResult, type RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES, type Routes } from '@nullspace/contract/routes.ts'
import { serveSockets, type SocketHandlers } from './fake-sockets.ts'

export interface Seen<Body = unknown> {
  readonly route: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: Body
  /** Resolves when the connection of the answer is over, or the answer out. */
  readonly closed: Promise<void>
}

/** Sent as it is, past the contract. */
export interface Raw {
  readonly status: number
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}
export const raw = (status: number, text: string, headers: Record<string, string> = {}): Raw => ({ status, text, headers })
/** Breaks the connection instead of answering. */
export const DROP = { drop: true } as const

type Answer<R extends RouteSpec> = RouteResult<R> | Raw | typeof DROP
type Handler<R extends RouteSpec> = (seen: Seen<RouteBody<R>>) => Answer<R> | Promise<Answer<R>>
/** By route id. */
export type Handlers = { readonly [Id in keyof Routes]?: Handler<Routes[Id]> }

interface Mounted {
  readonly route: RouteSpec
  readonly pattern: RegExp
  // The route's own types were checked by on().
  readonly handler: (seen: Seen<never>) => unknown
}

export interface FakeDaemon extends AsyncDisposable {
  readonly url: string
  readonly key: string
  /** Every request that a handler saw, in order. */
  readonly seen: Seen[]
  /** Mounts handlers, in place of earlier ones of the same routes. */
  on(handlers: Handlers): void
  /** The same for WebSockets. */
  onSocket(handlers: SocketHandlers): void
}

export async function fakeDaemon(): Promise<FakeDaemon> {
  const mounted = new Map<string, Mounted>()
  const seen: Seen[] = []
  const key = `ns_live_${'k'.repeat(40)}`
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => refuse(response, error))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const found = [...mounted.values()].find(({ route, pattern }) => route.method === request.method && pattern.test(url.pathname))
    if (!found) throw new AppError('not_found', { say: `no handler for ${request.method} ${url.pathname}` })
    const { route, pattern, handler } = found
    if (route.access !== 'none' && request.headers.authorization !== `Bearer ${key}`)
      throw new AppError('unauthorized', { say: 'unknown key' })
    const body = route.body?.safeParse(JSON.parse(String(await readAll(request))))
    if (body && !body.success) throw new AppError('invalid_request', { say: body.error.issues.map((issue) => issue.message).join('; ') })
    const one = {
      route: route.id,
      params: Object.fromEntries(
        Object.entries(pattern.exec(url.pathname)?.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
      ),
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      closed: new Promise<void>((resolve) => response.once('close', resolve)),
      body: route.upload ? uploadOf(request, route) : body?.data,
    }
    seen.push(one)
    const result = await handler(one as Seen<never>)
    // As a daemon does that has no use for the rest.
    request.resume()
    if (result === DROP) request.socket.destroy()
    else if (isRaw(result)) response.writeHead(result.status, result.headers).end(result.text)
    else if (route.success.body === BYTES) await sendBytes(response, result as BytesAnswer)
    else send(response, route.success.status, route.success.body.parse(result))
  }

  const onSocket = serveSockets(server, key)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const daemon: FakeDaemon = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    seen,
    on(handlers) {
      for (const id of Object.keys(handlers) as (keyof Routes)[]) {
        const route: RouteSpec = ROUTES[id]
        const pattern = new RegExp(`^${route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
        const handler = handlers[id]
        if (handler) mounted.set(id, { route, pattern, handler })
      }
    },
    onSocket,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  daemon.on({ healthCheck: () => ({ status: 'ok' }) })
  return daemon
}

function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && 'text' in value && 'status' in value && typeof value.status === 'number'
}

function refuse(response: ServerResponse, error: unknown): void {
  const app = error instanceof AppError ? error : new AppError('internal_error', { say: String(error) })
  send(response, app.status, errorBody(app, 'req_fake'))
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_fake' }).end(JSON.stringify(body))
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A failure under way breaks the connection. */
async function sendBytes(response: ServerResponse, { status = 200, length, headers, bytes }: BytesAnswer): Promise<void> {
  response.writeHead(status, { ...headers, ...(length === undefined ? {} : { 'content-length': length }) })
  try {
    for await (const chunk of bytes) response.write(chunk)
    response.end()
  } catch {
    response.destroy()
  }
}

function uploadOf(request: IncomingMessage, { upload }: RouteSpec): unknown {
  const { 'content-length': length, 'content-type': contentType } = request.headers
  if (upload === 'bytes') return { bytes: request, length: length === undefined ? undefined : Number(length), contentType }
  return { parts: partsOf(request, contentType ?? '') }
}

/** Of a form that fits into memory. */
async function* partsOf(request: IncomingMessage, type: string): AsyncGenerator<BodyPart> {
  const form = await new Response(await readAll(request), { headers: { 'content-type': type } }).formData()
  for (const [name, value] of form) {
    const file = typeof value === 'string' ? new Blob([value]) : value
    yield { name, filename: typeof value === 'string' ? undefined : value.name, bytes: file.stream() }
  }
}
