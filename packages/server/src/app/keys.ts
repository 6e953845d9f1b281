// API keys: who may call, and what a caller owns.

import { AppError } from '@nullspace/contract/errors.ts'
import { KEY_PATTERN } from '@nullspace/contract/config-files.ts'
import { ownerIds, type OwnerId } from '@nullspace/contract/ids.ts'
import type { CreateKeyBody, KeyInfo } from '@nullspace/contract/keys.ts'
import { createHash, randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { Principal } from '../domain/principal.ts'
import type { Db } from '../store/db.ts'
import { ensureOwner, findPrincipal, insertKey, listKeys as listRows, revokeKey as revokeRow, touchKey } from '../store/tables/keys.ts'
import type { App } from './context.ts'

export const OPERATOR = 'operator'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const SECRET_LENGTH = 40
const PREFIX_LENGTH = 'ns_live_'.length + 6

export interface NewKey {
  readonly id: string
  /** The secret; nowhere kept. */
  readonly key: string
  readonly prefix: string
  readonly ownerId: OwnerId
}

export interface KeyMaker {
  readonly db: Db
  readonly random: (bytes: number) => Uint8Array
  readonly now: number
}

export async function makeKey(
  { db, random, now }: KeyMaker,
  wish: { owner: string; name: string | null; scope: 'operator' | 'user' },
): Promise<NewKey> {
  const key = `ns_live_${secret(random)}`
  const id = randomUUID()
  const prefix = key.slice(0, PREFIX_LENGTH)
  const ownerId = await db.transaction().execute(async (tx) => {
    const owner = await ensureOwner(tx, { id: ownerIds.mint(random) as OwnerId, name: wish.owner, createdAt: now })
    await insertKey(tx, {
      id,
      owner_id: owner,
      name: wish.name,
      scope: wish.scope,
      prefix,
      hash: hashOf(key),
      created_at: now,
      last_used_at: null,
      revoked_at: null,
    })
    return owner
  })
  return { id, key, prefix, ownerId }
}

/** How often the time of a key's last use is written, ms. */
const TOUCH_EVERY_MS = 60_000
const lastTouch = new WeakMap<App, Map<string, number>>()

export async function authenticate(app: App, header: string | undefined): Promise<Principal> {
  const key = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1]
  if (!key) throw new AppError('unauthorized', { say: 'No API key was sent.' })
  const principal = KEY_PATTERN.test(key) ? await findPrincipal(app.db, hashOf(key)) : null
  if (!principal) throw new AppError('unauthorized', { say: 'The API key is not valid.' })
  await noteUse(app, principal.keyId)
  return principal
}

export async function createKey(app: App, principal: Principal, input: z.output<typeof CreateKeyBody>) {
  const owner = input.owner ?? principal.ownerName
  const scope = input.scope ?? 'user'
  if (principal.scope !== OPERATOR && (owner !== principal.ownerName || scope === OPERATOR)) {
    throw new AppError('forbidden', { say: 'Only an operator makes keys for other owners or with the operator scope.' })
  }
  const made = await makeKey({ db: app.db, random: app.random, now: app.clock.now() }, { owner, name: input.name ?? null, scope })
  return { id: made.id, key: made.key, prefix: made.prefix, name: input.name ?? null, scope, owner }
}

export async function listKeys(app: App, principal: Principal): Promise<KeyInfo[]> {
  const rows = await listRows(app.db, principal.scope === OPERATOR ? null : principal.ownerId)
  return rows.map((row) => ({
    id: row.id,
    prefix: row.prefix,
    is_active: row.revoked_at === null,
    name: row.name,
    created_at: iso(row.created_at),
    last_used_at: row.last_used_at === null ? null : iso(row.last_used_at),
    scope: row.scope,
    revoked_at: row.revoked_at === null ? null : iso(row.revoked_at),
    owner: row.owner_name,
  }))
}

export async function revokeKey(app: App, principal: Principal, id: string): Promise<void> {
  const done = await revokeRow(app.db, id, principal.scope === OPERATOR ? null : principal.ownerId, app.clock.now())
  if (!done) throw new AppError('key_not_found', { say: `There is no key ${id.slice(0, 80)}.` })
}

async function noteUse(app: App, keyId: string): Promise<void> {
  const now = app.clock.now()
  const touched = lastTouch.get(app) ?? new Map<string, number>()
  lastTouch.set(app, touched)
  if (now - (touched.get(keyId) ?? -Infinity) < TOUCH_EVERY_MS) return
  touched.set(keyId, now)
  // Good to know and no more: a request does not fail for it.
  await touchKey(app.db, keyId, now).catch((error: unknown) => app.log.warn({ err: error }, 'the use of a key was not noted'))
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Uniform over the alphabet: bytes past the last whole multiple are thrown away. */
function secret(random: (bytes: number) => Uint8Array): string {
  let out = ''
  while (out.length < SECRET_LENGTH) {
    for (const byte of random(SECRET_LENGTH)) if (byte < 248 && out.length < SECRET_LENGTH) out += ALPHABET[byte % 62]
  }
  return out
}

const iso = (ms: number): string => new Date(ms).toISOString()
