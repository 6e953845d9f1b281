// What ends a machine's time: its absolute deadline, its idle time, and how long it may stay paused. Deadlines are rows,
// so one that passed while the daemon was down is met at its start.

import type { App } from '../app/context.ts'
import { tryDestroy } from '../app/destroy.ts'
import { tryHibernate } from '../app/pause.ts'
import { isExpired, isForgotten, isIdle, type Machine } from '../domain/machine.ts'
import { expiredMachines, forgettableMachines, idlingMachines } from '../store/tables/machines.ts'
import { each } from './machines.ts'
import type { Reconciler } from './reconciler.ts'

/** A pause that could not be done (no room on the disk) is not tried again at once. */
const RETRY_AFTER_MS = 30_000

export const deadlines = (app: App): Reconciler => {
  const failedAt = new Map<string, number>()
  /** A clock that was set back since is no reason to wait for longer. */
  const failedLately = (machineId: string): boolean => {
    const sinceMs = app.clock.now() - (failedAt.get(machineId) ?? -Infinity)
    return sinceMs >= 0 && sinceMs < RETRY_AFTER_MS
  }
  /** Not waited for: the next deadline may be due before this one's work is done. `isDue` is asked again under the lock. */
  const end = (machine: Machine, reason: string, isDue: (now: Machine) => boolean): void => {
    const pauses = machine.state === 'running' && machine.timeoutAction === 'hibernate'
    if (pauses && failedLately(machine.id)) return
    const work = pauses
      ? tryHibernate(app, machine.id, { actor: 'system', due: { reason, isDue, told: failedAt.has(machine.id) } })
      : tryDestroy(app, machine, { reason, isDue })
    if (!work) return
    app.log.info({ machine: machine.id, reason, action: pauses ? 'hibernate' : 'destroy' }, 'a machine’s time is over')
    work.catch((error: unknown) => {
      failedAt.set(machine.id, app.clock.now())
      app.log.error({ err: error, machine: machine.id }, 'a machine whose time is over could not be dealt with yet')
    })
  }
  const idle = (machine: Machine): boolean => {
    const lastAt = Math.max(app.activity.lastAt(machine.id) ?? 0, machine.lastActiveAt ?? 0)
    return !app.activity.busy(machine.id) && isIdle(machine, lastAt, app.clock.now())
  }
  const expired = (machine: Machine): boolean => isExpired(machine, app.clock.now())
  const forgotten = (machine: Machine): boolean => isForgotten(machine, app.clock.now())
  return {
    name: 'deadlines',
    everyMs: 1_000,
    async run() {
      for (const id of failedAt.keys()) if (!failedLately(id)) failedAt.delete(id)
      await each(app, await expiredMachines(app.db, app.clock.now()), async (machine) => {
        if (expired(machine)) end(machine, 'its timeout has passed', expired)
      })
      await each(app, await idlingMachines(app.db, app.clock.now()), async (machine) => {
        if (idle(machine)) end(machine, 'it was idle for as long as it may be', idle)
      })
      await each(app, await forgettableMachines(app.db, app.clock.now()), async (machine) => {
        if (forgotten(machine)) end(machine, 'it was paused for as long as it may be', forgotten)
      })
    },
  }
}
