// Whether a webhook's post is the daemon's: for the program that receives it.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { MachineError } from './errors.ts'

/** `Headers`, or those of Node's HTTP server; the case of names does not matter. */
export type ReceivedHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

const VERSION = '1'

/**
 * True when `rawBody` was signed with the webhook's signing secret. `rawBody` is the body as it came, before any parsing: the same
 * JSON written anew has another signature. Any signature version but 1 is false.
 * @throws MachineError when the secret is empty: anyone could sign with that.
 */
export function verifyWebhookSignature(secret: string, headers: ReceivedHeaders, rawBody: string | Uint8Array): boolean {
  if (secret === '') throw new MachineError('the signing secret is empty', { code: 'invalid_request', retryable: false })
  if (read(headers, 'x-nullspace-signature-version') !== VERSION) return false
  const [, hex] = /^sha256=([0-9a-f]{64})$/.exec(read(headers, 'x-nullspace-signature') ?? '') ?? []
  if (hex === undefined) return false
  return timingSafeEqual(Buffer.from(hex, 'hex'), createHmac('sha256', secret).update(rawBody).digest())
}

/** Undefined also when it is there more than once. */
function read(headers: ReceivedHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined
  const values = Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? [value].flat() : []))
  return values.length === 1 ? values[0] : undefined
}
