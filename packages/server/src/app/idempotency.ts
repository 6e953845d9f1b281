// One request, one result: a repeat under the same Idempotency-Key joins the first or gets what that made.

import { AppError } from '@nullspace/contract/errors.ts'
import { createHash } from 'node:crypto'
import type { Principal } from '../domain/principal.ts'
import type { Tx } from '../store/db.ts'
import { findIdempotency, insertIdempotency } from '../store/tables/idempotency.ts'
import type { App } from './context.ts'

export interface Keyed {
  readonly key: string | undefined
  /** Of the route and everything that was asked: the same key for something else is a conflict. */
  readonly hash: string
}

export function keyed(key: string | undefined, route: string, ...asked: readonly unknown[]): Keyed {
  const hash = createHash('sha256')
    .update(JSON.stringify([route, ...asked]))
    .digest('hex')
  return { key, hash }
}

/** Ids of what an earlier request under this key made, once that is not at work any more. Null: the key is new, or its request was undone. */
export async function madeBefore(app: App, principal: Principal, { key, hash }: Keyed): Promise<string[] | null> {
  if (key === undefined) return null
  const find = () => findIdempotency(app.db, principal.ownerId, key)
  const earlier = await find()
  if (!earlier) return null
  if (earlier.request_hash !== hash) {
    throw new AppError('idempotency_conflict', { say: 'This Idempotency-Key was used for a different request.' })
  }
  const ids = earlier.resource_ids.split(',')
  // Only the work that makes them: what is done to a machine afterwards is not waited for.
  for (const id of ids) await app.lock.making(id)
  return (await find()) ? ids : null
}

/** Whoever comes with the key of a request that is at work waits for that, and gets what it made. */
export async function once<T>(
  app: App,
  { ownerId }: Principal,
  { key }: Keyed,
  { earlier, make }: { earlier: () => Promise<T | null>; make: () => Promise<T> },
): Promise<T> {
  if (key === undefined) return make()
  const name = `request ${ownerId} ${key}`
  for (;;) {
    const made = await earlier()
    if (made !== null) return made
    const work = app.lock.tryRun(name, 'request', make)
    if (work) {
      return work.catch(async (error: unknown) => {
        // Another request came with the same key in the same instant, and was first.
        const winner = error instanceof AppError ? null : await earlier()
        if (winner === null) throw error
        return winner
      })
    }
    await app.lock.released(name)
  }
}

/** In the transaction that begins the work. */
export async function remember(tx: Tx, principal: Principal, { key, hash }: Keyed, ids: readonly string[], now: number): Promise<void> {
  if (key === undefined) return
  await insertIdempotency(tx, {
    owner_id: principal.ownerId,
    key,
    request_hash: hash,
    resource_ids: ids.join(','),
    created_at: now,
  })
}
