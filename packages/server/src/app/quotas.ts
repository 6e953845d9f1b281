// What an owner may hold: asked before anything is begun, changed by operators.

import { AppError } from '@nullspace/contract/errors.ts'
import type { Quota, QuotaState } from '@nullspace/contract/quotas.ts'
import type { Principal } from '../domain/principal.ts'
import { type Holdings, UNLIMITED, whyOverQuota } from '../domain/quota.ts'
import type { Db, Tx } from '../store/db.ts'
import { findOwner, holdingsOf, setOwnerQuota, type OwnerRow } from '../store/tables/quotas.ts'
import type { App } from './context.ts'
import { OPERATOR } from './keys.ts'

/** In the transaction that takes what is wanted, so that two at once cannot both have the last of it. */
export async function refuseOverQuota(app: App, tx: Db | Tx, ownerId: string, wanted: Partial<Holdings>): Promise<void> {
  const owner = await findOwner(tx, { id: ownerId })
  if (!owner) return
  const over = whyOverQuota(limitsOf(app, owner), await holdingsOf(tx, owner.id), wanted)
  if (over) throw new AppError('quota_exceeded', { say: over })
}

export async function getQuota(app: App, principal: Principal, name: string): Promise<QuotaState> {
  const owner = await theOwner(app, principal, name)
  return { owner: owner.name, limits: limitsOf(app, owner), used: await holdingsOf(app.db, owner.id) }
}

export async function setQuota(
  app: App,
  principal: Principal,
  name: string,
  change: { [K in keyof Quota]?: Quota[K] | undefined },
): Promise<QuotaState> {
  await app.db.transaction().execute(async (tx) => {
    const owner = await theOwner(app, principal, name, tx)
    const named = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    await setOwnerQuota(tx, owner.id, { ...owner.quota, ...named })
  })
  return getQuota(app, principal, name)
}

/** Operators are bounded by the host alone, unless someone says otherwise. */
function limitsOf(app: App, { name, quota }: OwnerRow): Quota {
  return { ...(name === OPERATOR ? UNLIMITED : app.defaultQuota), ...(quota as Partial<Quota>) }
}

async function theOwner(app: App, principal: Principal, name: string, db: Db | Tx = app.db): Promise<OwnerRow> {
  const own = name === 'me' || name === principal.ownerName
  if (!own && principal.scope !== 'operator') throw new AppError('forbidden', { say: 'The quotas of others are for operators.' })
  const owner = await findOwner(db, own ? { id: principal.ownerId } : { name })
  if (!owner) throw new AppError('owner_not_found', { say: `There is no owner ${name.slice(0, 80)}.` })
  return owner
}
