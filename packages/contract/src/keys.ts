// API keys. On a self-hosted daemon a key manages keys; on the hosted product that needs a browser session.

import { z } from 'zod'
import { route } from './route.ts'

const Nullable = z.string().nullable()

export const KeyInfo = z.object({
  id: z.uuid(),
  /** First characters, for recognising a key; no secret. */
  prefix: z.string(),
  is_active: z.boolean(),
  name: Nullable,
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
  /** `operator` or `user`. */
  scope: z.string(),
  revoked_at: z.iso.datetime().nullable(),
  /** Ours: whose machines it sees. */
  owner: z.string(),
})
export type KeyInfo = z.output<typeof KeyInfo>

export const CreateKeyBody = z.strictObject({
  name: z.string().min(1).max(120).nullish(),
  scope: z.enum(['user', 'operator']).nullish(),
  /** Ours: name of the owner the key belongs to; made when new. Default: the caller's own. Another needs an operator. */
  owner: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -')
    .nullish(),
})

export const createKey = route({
  id: 'createApiKey',
  method: 'POST',
  path: '/v1/keys',
  summary: 'Make a key. Its secret is in this answer only.',
  access: 'key',
  body: CreateKeyBody,
  success: {
    status: 201,
    body: z.object({ id: z.uuid(), key: z.string(), prefix: z.string(), name: Nullable, scope: z.string(), owner: z.string() }),
  },
  errors: ['invalid_request', 'unauthorized', 'forbidden'],
})

export const listKeys = route({
  id: 'listApiKeys',
  method: 'GET',
  path: '/v1/keys',
  summary: 'List keys: an operator sees all, others those of their owner.',
  access: 'key',
  success: { status: 200, body: z.array(KeyInfo) },
  errors: ['unauthorized'],
})

export const revokeKey = route({
  id: 'revokeApiKey',
  method: 'DELETE',
  path: '/v1/keys/{id}',
  summary: 'Revoke a key; it stops working at once.',
  access: 'key',
  params: z.object({ id: z.string() }),
  success: { status: 200, body: z.object({ success: z.literal(true) }) },
  errors: ['unauthorized', 'key_not_found'],
})
