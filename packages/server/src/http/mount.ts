// One route of the contract on the server: who calls, what was sent, what may leave.

import { AppError } from '@nullspace/contract/errors.ts'
import { BYTES, type BytesAnswer, type RouteSpec } from '@nullspace/contract/route.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest, RequestPayload } from 'fastify'
import { Readable } from 'node:stream'
import type { z } from 'zod'
import type { App } from '../app/context.ts'
import { type Hold, holdMemory } from '../app/held-memory.ts'
import { authenticate } from '../app/keys.ts'
import type { Principal } from '../domain/principal.ts'
import { bytesOf, uploadOf } from './bodies.ts'
import { invalidInput } from './errors.ts'
import type { Handlers } from './implement.ts'
import { answerPatiently } from './patient.ts'
import { rowsAsJson, sendBytes, textAsJson } from './streams.ts'

const callers = new WeakMap<FastifyRequest, Principal>()
const holds = new WeakMap<FastifyRequest, Hold>()
const types = new WeakMap<FastifyRequest, string | undefined>()

/** As the router writes it. */
export const urlOf = (spec: RouteSpec): string => spec.path.replaceAll(/\{(\w+)\}/g, ':$1')

export function mountRoute(server: FastifyInstance, app: App, spec: RouteSpec, handlers: Handlers): void {
  const handler = handlers[spec.id as keyof Handlers] as (call: unknown) => Promise<unknown>
  server.route({
    method: spec.method,
    url: urlOf(spec),
    ...(spec.bodyLimit === undefined
      ? {}
      : {
          bodyLimit: spec.bodyLimit,
          preParsing: (request, reply) => {
            // What is never taken is not a matter of room.
            if (Number(request.headers['content-length'] ?? 0) > (spec.bodyLimit ?? 0))
              return Promise.reject(new AppError('payload_too_large', { say: 'The body is too large.' }))
            return countBody(holdOf(app, request, reply), request)
          },
        }),
    // Before the body is read: who has no key gets no memory of ours.
    onRequest: async (request) => {
      if (spec.access !== 'none') callers.set(request, await admit(app, spec, request))
      if (!spec.upload) return
      // The framework refuses what it cannot parse; here it may be anything.
      types.set(request, request.headers['content-type'])
      delete request.raw.headers['content-type']
    },
    handler: async (request, reply) => {
      const call = {
        principal: callers.get(request) ?? null,
        params: parse('params', spec.params, request.params),
        query: parse('query', spec.query, request.query),
        headers: parse('headers', spec.headers, request.headers),
        body: bodyOf(spec, request),
        origin: originOf(request),
        hold: holdOf(app, request, reply),
        signal: signalOf(reply),
      }
      if (spec.success.body === BYTES) return sendBytes(reply, spec.success.status, (await handler(call)) as BytesAnswer)
      if (spec.rows) return sendRows(reply, spec, (await handler(call)) as AsyncIterable<readonly unknown[]>)
      if (spec.longText !== undefined) return sendText(reply, spec, spec.longText, (await handler(call)) as Record<string, unknown>)
      // Through the schema: what it does not name does not leave.
      const answer = handler(call).then((result) => spec.success.body.parse(result))
      if (spec.patient) return answerPatiently(reply, spec, answer, app.log)
      return reply.code(spec.success.status).send(await answer)
    },
  })
}

const AS_JSON = { 'content-type': 'application/json; charset=utf-8' }

function sendRows(reply: FastifyReply, spec: RouteSpec, rows: AsyncIterable<readonly unknown[]>): Promise<FastifyReply> {
  const { element } = spec.success.body as z.ZodArray<z.ZodType>
  return sendBytes(reply, spec.success.status, { bytes: rowsAsJson(rows, element), headers: AS_JSON })
}

function sendText(reply: FastifyReply, spec: RouteSpec, field: string, answer: Record<string, unknown>): Promise<FastifyReply> {
  const { [field]: _, ...rest } = (spec.success.body as z.ZodObject).parse({ ...answer, [field]: '' })
  return sendBytes(reply, spec.success.status, { bytes: textAsJson(field, answer[field] as Iterable<string>, rest), headers: AS_JSON })
}

function bodyOf(spec: RouteSpec, request: FastifyRequest): unknown {
  if (spec.upload) return uploadOf(request.raw, spec, types.get(request))
  return parse('body', spec.body, request.body ?? (spec.body ? {} : undefined))
}

/** A large body is in memory as text, and then as what becomes of it. */
async function countBody(hold: Hold, { headers, raw }: FastifyRequest): Promise<RequestPayload> {
  hold.grow(Number(headers['content-length'] ?? 0))
  return Readable.from(counting(bytesOf(raw), hold))
}

async function* counting(body: AsyncIterable<Uint8Array>, hold: Hold): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    hold.grow(bytes)
    yield chunk
  }
}

/** As the caller sees it; a proxy in front says by which scheme. What is no host is none of ours. */
function originOf({ headers, raw }: FastifyRequest): string {
  const scheme = /^https\b/i.test(String(headers['x-forwarded-proto'] ?? '')) ? 'https' : 'http'
  const host = headers.host ?? ''
  return `${scheme}://${/^[\w.:[\]-]+$/.test(host) ? host : `localhost:${raw.socket.localPort ?? ''}`}`
}

/** Until the answer is out, or nobody waits for it. */
function holdOf(app: App, request: FastifyRequest, reply: FastifyReply): Hold {
  const known = holds.get(request)
  if (known) return known
  const hold = holdMemory(app, callers.get(request)?.ownerId ?? '')
  holds.set(request, hold)
  for (const event of ['finish', 'close']) reply.raw.once(event, () => hold[Symbol.dispose]())
  return hold
}

function signalOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const over = (): void => {
    if (!reply.raw.writableFinished) gone.abort(new AppError('invalid_request', { say: 'The client was gone before it had the answer.' }))
  }
  if (reply.raw.destroyed) over()
  else reply.raw.once('close', over)
  return gone.signal
}

async function admit(app: App, spec: RouteSpec, request: FastifyRequest): Promise<Principal> {
  const principal = await authenticate(app, request.headers.authorization)
  if (spec.access === 'operator' && principal.scope !== 'operator')
    throw new AppError('forbidden', { say: 'This needs the key of an operator.' })
  return principal
}

function parse(where: 'params' | 'query' | 'headers' | 'body', schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined
  const parsed = safely(schema, value)
  if (parsed.success) return parsed.data
  throw invalidInput(where, parsed.error)
}

function safely(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(value)
  } catch (error) {
    // What walks through free-form data does so by recursion.
    if (error instanceof RangeError) throw new AppError('invalid_request', { say: 'The body is nested too deeply.', cause: error })
    throw error
  }
}
