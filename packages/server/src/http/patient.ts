// Answers that take longer than a client waits in silence. The published client gives up after 30 s without a byte, and
// takes white space before the JSON; so after a while the status is committed and spaces are sent.

import type { RouteSpec } from '@nullspace/contract/route.ts'
import type { FastifyReply } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../observe/logger.ts'
import { toAppError } from './errors.ts'

const COMMIT_AFTER_MS = 10_000
const SPACE_EVERY_MS = 5_000

export async function answerPatiently(reply: FastifyReply, spec: RouteSpec, answer: Promise<unknown>, log: Logger): Promise<unknown> {
  const waited = new AbortController()
  const early = await Promise.race([
    answer.then((body) => ({ body })),
    sleep(COMMIT_AFTER_MS, null, { signal: waited.signal }).catch(() => null),
  ]).finally(() => waited.abort())
  if (early) return reply.code(spec.success.status).send(early.body)

  reply.hijack()
  const { raw } = reply
  // The hooks that would have set it do not run on a hijacked reply.
  raw.writeHead(spec.success.status, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': reply.request.id })
  raw.write(' ')
  const keepAwake = setInterval(() => raw.write(' '), SPACE_EVERY_MS)
  try {
    raw.end(JSON.stringify(await answer))
  } catch (error) {
    const refusal = toAppError(error)
    const body = spec.patient?.late(refusal.code, refusal.message, refusal.details ?? {})
    if (body) raw.end(JSON.stringify(body))
    else {
      log.error({ err: error, request: reply.request.id }, 'failed after the status was sent; the connection is cut')
      raw.destroy()
    }
  } finally {
    clearInterval(keepAwake)
  }
  return reply
}
