// A machine's time: every call begins it anew.

import { AppError } from '@nullspace/contract/errors.ts'
import type { SetTimeoutBody } from '@nullspace/contract/lifecycle.ts'
import type { z } from 'zod'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import type { Tx } from '../store/db.ts'
import { readEvents } from '../store/tables/events.ts'
import { updateMachine } from '../store/tables/machines.ts'
import type { App } from './context.ts'
import { busy, getMachine, notReady, refuseUnready } from './machines.ts'

/** Of a timeout that is set to what it was. */
const TOLD_EVERY_MS = 60_000

export async function setTimeout(app: App, principal: Principal, id: string, input: z.output<typeof SetTimeoutBody>): Promise<Machine> {
  const machine = await getMachine(app, principal, id)
  refuseUnready(machine, 'setTimeout')
  const timeoutAction = input.timeout_action ?? machine.timeoutAction
  if (machine.autoResume && timeoutAction === 'destroy') {
    throw new AppError('invalid_request', {
      say: 'timeout_action: a machine that resumes by itself is paused at its timeout; it cannot be destroyed then.',
      details: { field: 'timeout_action' },
    })
  }
  if (machine.ephemeral && timeoutAction === 'hibernate') {
    throw new AppError('invalid_request', {
      say: 'timeout_action: an ephemeral machine is destroyed at its timeout.',
      details: { field: 'timeout_action' },
    })
  }
  // One that is just being paused or destroyed has no time to set; a snapshot or a fork of it changes nothing about that.
  const holder = app.lock.holder(id)
  if (holder !== undefined && !['snapshot', 'fork'].includes(holder)) throw busy(app, id)
  const timeoutAt = app.clock.now() + input.timeout_ms
  const changed = { timeoutMs: input.timeout_ms, timeoutAction, timeoutAt }
  const done = await app.db.transaction().execute(async (tx) => {
    if (!(await updateMachine(tx, id, changed, ['running']))) return false
    // Who only keeps a machine alive repeats this every few seconds.
    const same = timeoutAction === machine.timeoutAction && input.timeout_ms === machine.timeoutMs
    if (same && (await toldLately(app, tx, machine))) return true
    const about = { ownerId: machine.ownerId, actor: 'user', machineId: id, metadata: machine.metadata } as const
    await app.outbox.emit(tx, { ...about, operation: 'timeout_updated', status: 'succeeded' })
    return true
  })
  if (!done) throw notReady(await getMachine(app, principal, id))
  return { ...machine, ...changed }
}

/** Whether the last event of a set timeout is less than a minute old. */
async function toldLately(app: App, tx: Tx, { id, ownerId }: Machine): Promise<boolean> {
  const [last] = await readEvents(tx, { ownerId, machineId: id, operation: 'timeout_updated' }, { order: 'desc', limit: 1 })
  return last !== undefined && Math.abs(app.clock.now() - last.occurred_at) < TOLD_EVERY_MS
}
