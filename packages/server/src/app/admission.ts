// Whether there is room on the host for what is asked: before harm, not after.

import { AppError } from '@nullspace/contract/errors.ts'
import { whyNot, whyNotBuild, whyNotSave } from '../domain/admission.ts'
import type { Shape } from '../domain/machine.ts'
import type { Db, Tx } from '../store/db.ts'
import { promisedMachines } from '../store/tables/machines.ts'
import type { App } from './context.ts'

export function refuseWhileDraining(app: App): void {
  if (app.lifecycle.draining) throw new AppError('draining', { say: 'The daemon is shutting down.' })
}

/** `count` machines of one shape; `build` when its golden snapshot may have to be made first. */
export async function admit(
  app: App,
  shape: Shape,
  // In the transaction that begins them, so that two at once cannot both have the last of it.
  { count = 1, build = false, tx = app.db }: { count?: number; build?: boolean; tx?: Db | Tx } = {},
): Promise<void> {
  refuseWhileDraining(app)
  const room = await app.host.room()
  const others = (await promisedMachines(tx)).map((other) => ({ memoryMb: other.shape.memoryMb }))
  const first = build && app.host.shapeStatus(shape).state !== 'ready' ? whyNotBuild(room, shape) : null
  const full = whyNot(room, shape, others, count) ?? first
  if (full) throw new AppError('capacity_exceeded', { say: full })
}

/** Saving a machine may come to all of its memory. */
export async function admitSave(app: App, shape: Shape): Promise<void> {
  refuseWhileDraining(app)
  const full = whyNotSave(await app.host.room(), shape)
  if (full) throw new AppError('capacity_exceeded', { say: full })
}
