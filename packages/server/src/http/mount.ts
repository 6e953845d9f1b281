// One route of the contract on the server: who calls, what was sent, what may leave.

import { AppError } from '@nullspace/contract/errors.ts'
import type { RouteSpec } from '@nullspace/contract/route.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { App } from '../app/context.ts'
import { authenticate } from '../app/keys.ts'
import type { Principal } from '../domain/principal.ts'
import { invalidInput } from './errors.ts'
import type { Handlers } from './implement.ts'
import { answerPatiently } from './patient.ts'

const callers = new WeakMap<FastifyRequest, Principal>()

export function mountRoute(server: FastifyInstance, app: App, spec: RouteSpec, handlers: Handlers): void {
  const handler = handlers[spec.id as keyof Handlers] as (call: unknown) => Promise<unknown>
  server.route({
    method: spec.method,
    url: spec.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    // Before the body is read: who has no key gets no memory of ours.
    onRequest: async (request) => {
      if (spec.access !== 'none') callers.set(request, await admit(app, spec, request))
    },
    handler: async (request, reply) => {
      const call = {
        principal: callers.get(request) ?? null,
        params: parse('params', spec.params, request.params),
        query: parse('query', spec.query, request.query),
        headers: parse('headers', spec.headers, request.headers),
        body: parse('body', spec.body, request.body ?? (spec.body ? {} : undefined)),
      }
      // Through the schema: what it does not name does not leave.
      const answer = handler(call).then((result) => spec.success.body.parse(result))
      if (spec.patient) return answerPatiently(reply, spec, answer, app.log)
      return reply.code(spec.success.status).send(await answer)
    },
  })
}

async function admit(app: App, spec: RouteSpec, request: FastifyRequest): Promise<Principal> {
  const principal = await authenticate(app, request.headers.authorization)
  if (spec.access === 'operator' && principal.scope !== 'operator')
    throw new AppError('forbidden', { say: 'This needs the key of an operator.' })
  return principal
}

function parse(where: 'params' | 'query' | 'headers' | 'body', schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalidInput(where, parsed.error)
}
