// Reconcilers that look after machines: deadlines, VMs that died, unfinished operations, activity, spares.

import { Op } from '../observe/op.ts'
import type { App } from '../app/context.ts'
import { adopt } from '../app/recover.ts'
import { tryDestroy, tryFail } from '../app/destroy.ts'
import { allMachines, countByState, expiredMachines } from '../store/tables/machines.ts'
import type { Reconciler } from './reconciler.ts'

/** A held machine that goes on with less would be held again at once, MiB. */
const ROOM_TO_GO_ON_MB = 256

export interface Deaths {
  /** Why the VM of a machine ended, when we saw it; kept until the machine is dealt with. */
  readonly reasons: Map<string, string>
}

/** Destroys what is past its deadline, also when that passed while the daemon was down. */
export const expiry = (app: App): Reconciler => ({
  name: 'expiry',
  everyMs: 1_000,
  async run() {
    const expired = await expiredMachines(app.db, app.clock.now())
    await Promise.all(
      expired.map(async (machine) => {
        const work = tryDestroy(app, machine)
        if (!work) return
        app.log.info({ machine: machine.id }, 'machine expired')
        await work
      }),
    )
  },
})

/** A machine that is said to run and whose VM is gone goes to `error` with the reason. */
export const lost = (app: App, deaths: Deaths): Reconciler => ({
  name: 'lost',
  everyMs: 5_000,
  async run() {
    for (const machine of await allMachines(app.db, ['running'])) {
      if (app.host.guest(machine.id) || (await adopt(app, machine)) !== 'gone') continue
      const reason = deaths.reasons.get(machine.id) ?? 'its VM was gone when the daemon looked for it'
      const work = tryFail(app, machine, reason)
      if (!work) continue
      await work
      deaths.reasons.delete(machine.id)
    }
  },
})

/** Machines that stand still because the host's disk was full run on when there is room again. */
export const held = (app: App): Reconciler => ({
  name: 'held',
  everyMs: 5_000,
  async run() {
    for (const machine of await allMachines(app.db, ['running'])) {
      const why = app.host.held(machine.id)
      if (why === null || (why === 'disk_full' && (await app.host.room()).freeDiskMb < ROOM_TO_GO_ON_MB)) continue
      using op = new Op(`release ${machine.id}`, { timeoutMs: 10_000 })
      app.log.warn({ machine: machine.id, why }, 'letting a held machine try again')
      await app.host.release(op, machine.id)
    }
  },
})

/** Operations that could not be finished or undone when they should have been. */
export const unfinished = (app: App): Reconciler => ({
  name: 'unfinished',
  everyMs: 15_000,
  run: () => app.engine.resume((machineId) => app.lock.holder(machineId) !== undefined),
})

export const upkeep = (app: App): Reconciler => ({
  name: 'upkeep',
  everyMs: 2_000,
  async run() {
    await app.activity.flush(app.db)
    for (const [state, count] of Object.entries(await countByState(app.db))) app.metrics.machines.set({ state }, count)
    // What callers wait for goes first.
    if (app.starts.busy || app.lifecycle.draining) return
    using op = new Op('refill', { timeoutMs: 30_000 })
    await app.host.refill(op)
  },
})

/** The shapes that set-up promises, one after the other. */
export const promisedShapes = (app: App): Reconciler => ({
  name: 'shapes',
  everyMs: 60_000,
  async run() {
    for (const shape of app.promisedShapes) {
      if (app.host.shapeStatus(shape).state === 'ready' || app.host.templates().length === 0) continue
      using op = new Op('promised shape', { timeoutMs: 600_000 })
      await app.host
        .ensureShape(op, shape)
        .catch((error: unknown) => app.log.error({ err: error, shape }, 'a promised shape could not be built'))
    }
  },
})
