// One attempt to post a delivery. The far end is the caller's choice and may be anything: it gets ten seconds in all, no
// redirects, no say in how much is read, and no way to point the daemon at a neighbour.

import { createHmac } from 'node:crypto'
import { lookup, Resolver } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isAllowedTarget, literalAddress } from '../app/webhook-target.ts'
import { VERSION } from '../observe/version.ts'

const POST_TIMEOUT_MS = 10_000
/** Of an answer’s body; what it says is not looked at. */
const ANSWER_BYTES = 4 * 1024
const SIGNATURE_VERSION = '1'

export interface WebhookPost {
  readonly url: string
  readonly secret: string
  readonly webhookId: string
  readonly deliveryId: string
  readonly eventId: string
  readonly body: string
}

export interface PostResult {
  readonly responseStatus: number | null
  /** Null = delivered. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Addresses of a host name. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>

export interface PostRules {
  /** In all, from the name to the end of the answer. */
  readonly timeoutMs: number
  readonly resolve: Resolve
  /** Asked of every address before it is connected to. */
  readonly allows: (address: string) => boolean
}

class Refused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Does not reject: what went wrong is part of the result. */
export async function postWebhook(post: WebhookPost, rules: PostRules, stop?: AbortSignal): Promise<PostResult> {
  const late = AbortSignal.timeout(rules.timeoutMs)
  const signal = stop ? AbortSignal.any([late, stop]) : late
  try {
    const status = await send(post, rules, signal)
    if (status >= 200 && status < 300) return { responseStatus: status, error: null }
    const what = status >= 300 && status < 400 ? 'a redirect, which is not followed' : 'no success'
    return { responseStatus: status, error: { code: 'http_status', message: `The endpoint answered ${status}: ${what}.` } }
  } catch (error) {
    return { responseStatus: null, error: signal.aborted ? given(late, rules) : explain(error) }
  }
}

export function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

function send(post: WebhookPost, { allows, resolve }: PostRules, signal: AbortSignal): Promise<number> {
  const url = new URL(post.url)
  const literal = literalAddress(url)
  if (literal !== null && !allows(literal)) return Promise.reject(notPublic())
  const { promise, resolve: answered, reject } = Promise.withResolvers<number>()
  const body = Buffer.from(post.body)
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    // A connection of its own: one kept open would have been checked for another delivery.
    agent: false,
    lookup: checkedLookup(resolve, allows, signal),
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': `nullspace/${VERSION}`,
      'x-nullspace-webhook-id': post.webhookId,
      'x-nullspace-delivery-id': post.deliveryId,
      'x-nullspace-event-id': post.eventId,
      'x-nullspace-signature-version': SIGNATURE_VERSION,
      'x-nullspace-signature': signatureOf(post.secret, post.body),
    },
  })
  let status: number | null = null
  // Once the status is there it is the answer, however the body ends.
  request.on('error', (error) => (status === null ? reject(error) : answered(status)))
  // A changed protocol would be ours to end.
  request.on('upgrade', (response, socket) => {
    socket.destroy()
    answered(response.statusCode ?? 101)
  })
  // Whatever else happens: at the end of the time this is over.
  signal.addEventListener('abort', () => (status === null ? reject(signal.reason) : answered(status)), { once: true })
  request.on('response', (response) => {
    const code = response.statusCode ?? 0
    status = code
    let read = 0
    response.on('data', (chunk: Buffer) => {
      read += chunk.length
      if (read > ANSWER_BYTES) response.destroy()
    })
    response.on('error', () => {})
    response.on('close', () => answered(code))
  })
  request.end(body)
  return promise
}

/** What is connected to is what was looked at: the addresses given here are the only ones that the socket sees. */
function checkedLookup(resolve: Resolve, allows: PostRules['allows'], signal: AbortSignal): LookupFunction {
  return (name, options, answer) => {
    resolve(name, signal).then(
      (found) => {
        if (found.length === 0) return answer(new Refused('name_not_found', 'The host name has no address.'), [])
        // One private address among public ones is refused too: which of them is tried is chance.
        if (!found.every(allows)) return answer(notPublic(), [])
        const all = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
        const [first] = all
        if (options.all || !first) answer(null, all)
        else answer(null, first.address, first.family)
      },
      () => answer(new Refused('name_not_found', 'The host name could not be resolved.'), []),
    )
  }
}

export function postRules(privateTargets: boolean): PostRules {
  return privateTargets
    ? { timeoutMs: POST_TIMEOUT_MS, resolve: asTheHost, allows: () => true }
    : { timeoutMs: POST_TIMEOUT_MS, resolve: fromPublicNames, allows: isAllowedTarget }
}

/** By query alone: it can be given up, and takes none of the few threads that the daemon’s file access shares. */
const fromPublicNames: Resolve = async (name, signal) => {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** For operators who allow their own network: names from /etc/hosts and the like count. */
const asTheHost: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address)

const notPublic = (): Refused => new Refused('blocked_target', 'The endpoint is not on the public internet.')

function given(late: AbortSignal, { timeoutMs }: PostRules): { code: string; message: string } {
  if (!late.aborted) return { code: 'interrupted', message: 'The daemon was stopped.' }
  return { code: 'timeout', message: `The endpoint did not answer within ${timeoutMs / 1000} s.` }
}

function explain(error: unknown): { code: string; message: string } {
  if (error instanceof Refused) return { code: error.code, message: error.message }
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code.startsWith('HPE_')) return { code: 'bad_answer', message: 'The endpoint’s answer is not valid HTTP.' }
  if (/^(ERR_TLS|CERT|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code))
    return { code: 'tls_failed', message: `No secure connection to the endpoint: ${code}.` }
  return { code: 'connection_failed', message: `The connection to the endpoint failed${code === '' ? '' : `: ${code}`}.` }
}
