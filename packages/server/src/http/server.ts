// The HTTP edge: mounts the contract's routes, knows who calls, and gives every refusal the same envelope. Thin: parse,
// authorise, hand over, serialise.

import { AppError, type ErrorCode } from '@nullspace/contract/errors.ts'
import { openApiDocument } from '@nullspace/contract/openapi.ts'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import { ROUTES } from '@nullspace/contract/routes.ts'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { App } from '../app/context.ts'
import { authenticate } from '../app/keys.ts'
import { guardBody } from './bodies.ts'
import { envelope, toAppError } from './errors.ts'
import type { Handlers } from './implement.ts'
import { mountRoute, urlOf } from './mount.ts'
import { isNotBuilt, notFound } from './not-found.ts'
import { parseQuery } from './query.ts'
import { channels } from './ws/channels.ts'
import type { SocketRules } from './ws/socket.ts'
import { createUpgrades } from './ws/upgrades.ts'

/** The largest command with its environment, as JSON with room for escapes. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024
/** The published client drops idle connections after 5 s; ours must be the later by far, or both race. */
const KEEP_ALIVE_MS = 75_000
/** For the head of a request to arrive, and for all of it; not for its answer. */
const HEADERS_TIMEOUT_MS = 60_000
const REQUEST_TIMEOUT_MS = 300_000
/** The same where JSON may be large. */
const LARGE_REQUEST_TIMEOUT_MS = 1_800_000
/** For a refused client to read why. */
const LINGER_MS = 2_000

/** What the operator should see; everything else is between the caller and the rules. */
const FAULTS: ReadonlySet<ErrorCode> = new Set(['internal_error', 'machine_failed', 'no_eligible_runtime_host', 'insufficient_storage'])
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

export function createHttpServer(app: App, handlers: Handlers, socketRules: Partial<SocketRules> = {}): FastifyInstance {
  const specs: readonly RouteSpec[] = Object.values(ROUTES)
  const withinMs = new Map(specs.map((spec) => [`${spec.method} ${urlOf(spec)}`, timeFor(spec)]))
  const server = Fastify({
    loggerInstance: app.log.child({ part: 'http' }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node has one for all; see guardBody.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    // Refused by us, with an envelope, like anything else.
    http: {
      requireHostHeader: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // Offers of another protocol, as h2c, are declined by answering as usual.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    return503OnClosing: false,
    genReqId: requestId,
    routerOptions: { querystringParser: parseQuery, maxParamLength: 500, ignoreTrailingSlash: false, caseSensitive: true },
    clientErrorHandler: (error, socket) =>
      refuseRaw(
        socket,
        error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400,
        new AppError('invalid_request', { say: 'The request is not valid HTTP.' }),
      ),
    frameworkErrors: (error, request, reply) => {
      const refusal = toAppError(error)
      reply.statusCode = refusal.status
      void (reply as unknown as FastifyReply).send(envelope(refusal, request.id))
    },
  })

  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => parseJson(text as string, done))
  // The published client posts without a body and without a content type where there is nothing to say.
  server.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    if (request.headers['content-type'] === undefined) parseJson(text as string, done)
    else done(new AppError('unsupported_media_type', { say: 'The body must be JSON with the content type application/json.' }))
  })

  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    const time = withinMs.get(`${request.method} ${request.routeOptions.url}`)
    guardBody(request.raw, reply.raw, time === undefined ? REQUEST_TIMEOUT_MS : time, () =>
      refuseRaw(request.raw.socket, 408, new AppError('invalid_request', { say: 'The request did not come in time.' })),
    )
  })
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    app.metrics.requests.observe({ route: `${request.method} ${route}`, status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  server.setErrorHandler((error, request, reply) => {
    const refusal = toAppError(error)
    const level = FAULTS.has(refusal.code) ? 'error' : 'debug'
    app.log[level]({ err: error, request: request.id, route: request.routeOptions.url, ...refusal.context }, refusal.message)
    // The parser closes on what it does not read; guardBody takes it, so that the answer is read.
    reply.removeHeader('connection')
    if (refusal.code === 'range_not_satisfiable') reply.header('content-range', `bytes */${String(refusal.details?.['size'])}`)
    void reply.code(refusal.status).send(envelope(refusal, request.id))
  })
  server.setNotFoundHandler(async (request, reply) => {
    if (isNotBuilt(request)) await authenticate(app, request.headers.authorization)
    const refusal = notFound(request)
    if (refusal.code === 'method_not_allowed') reply.header('allow', String(refusal.details?.['allow']))
    void reply.code(refusal.status).send(envelope(refusal, request.id))
  })
  server.server.on('checkExpectation', (_request, response: ServerResponse) => {
    const refusal = new AppError('invalid_request', { say: 'Of the header Expect only "100-continue" is understood.' })
    const body = JSON.stringify(envelope(refusal, requestId()))
    response.writeHead(417, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
  })
  server.server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    refuseRaw(socket, 405, new AppError('method_not_allowed', { say: 'This is no proxy: CONNECT is not possible.' }))
  })
  const upgrades = createUpgrades(app, {
    channels: channels(app),
    refuse: (socket, refusal) => refuseRaw(socket, refusal.status, refusal),
    rules: socketRules,
  })
  server.server.on('upgrade', (request, socket: Socket, head: Buffer) => upgrades.handle(request, socket, head))
  server.addHook('preClose', () => upgrades.close())

  for (const spec of specs) if (!spec.upload) mountRoute(server, app, spec, handlers)
  void server.register(async (scope) => {
    // Whatever they are sent is left for the handler to read.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const spec of specs) if (spec.upload) mountRoute(scope, app, spec, handlers)
  })
  const openapi = openApiDocument()
  server.get('/openapi.json', async () => openapi)
  server.get('/metrics', async (request, reply) => {
    // A scraper on the same box needs no key; from elsewhere it is told to nobody without one.
    if (!LOOPBACK.has(request.ip)) await authenticate(app, request.headers.authorization)
    return reply.type(app.metrics.registry.contentType).send(await app.metrics.registry.metrics())
  })
  return server
}

/** ms; null: an upload may take as long as it gets on. */
function timeFor({ upload, bodyLimit }: RouteSpec): number | null {
  if (upload) return null
  return bodyLimit === undefined ? REQUEST_TIMEOUT_MS : LARGE_REQUEST_TIMEOUT_MS
}

function parseJson(text: string, done: (error: Error | null, body?: unknown) => void): void {
  if (text.trim() === '') return done(null, undefined)
  try {
    done(null, JSON.parse(text))
  } catch (error) {
    done(new AppError('invalid_request', { say: 'The body is not valid JSON.', cause: error }))
  }
}

function requestId(): string {
  return `req_${randomBytes(10).toString('hex')}`
}

/** For what never reached the router: a whole HTTP answer written to the socket. */
function refuseRaw(socket: Duplex, status: number, refusal: AppError): void {
  if (!socket.writable) return void socket.destroy()
  // Half of a connection is kept open for as long as the other end likes.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  const allow = refusal.details?.['allow']
  const body = JSON.stringify(envelope(refusal, requestId()))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/json\r\nconnection: close\r\n${typeof allow === 'string' ? `allow: ${allow}\r\n` : ''}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
