// Reconcilers that look after machines: VMs that died, unfinished operations, activity, spares.

import { Op } from '../observe/op.ts'
import type { App } from '../app/context.ts'
import type { Machine } from '../domain/machine.ts'
import { adopt } from '../app/recover.ts'
import { tryFail } from '../app/destroy.ts'
import { forgetIdempotency } from '../store/tables/idempotency.ts'
import { allMachines, countByState, findMachine } from '../store/tables/machines.ts'
import type { Reconciler } from './reconciler.ts'

/** A repeat of a create comes within minutes; a day is generous. */
const KEYS_KEPT_MS = 24 * 3_600_000
/** A held machine that goes on with less would be held again at once, MiB. */
const ROOM_TO_GO_ON_MB = 256

export interface Deaths {
  /** Why the VM of a machine ended, when we saw it; kept until the machine is dealt with. */
  readonly reasons: Map<string, string>
}

/** One that fails does not keep the others from their turn. */
export async function each(app: App, machines: readonly Machine[], act: (machine: Machine) => Promise<void>): Promise<void> {
  await Promise.all(
    machines.map((machine) =>
      act(machine).catch((error: unknown) => app.log.error({ err: error, machine: machine.id }, 'it will be looked at again')),
    ),
  )
}

/** A machine that is said to run and whose VM is gone goes to `error` with the reason. */
export const lost = (app: App, deaths: Deaths): Reconciler => ({
  name: 'lost',
  everyMs: 5_000,
  async run() {
    // Before the look at the store: of what ends after that, the reason is still needed.
    const settled = [...deaths.reasons.keys()].filter((id) => app.lock.holder(id) === undefined)
    const silent = (await allMachines(app.db, ['running'])).filter((machine) => !app.host.guest(machine.id))
    await each(app, silent, async (machine) => {
      // Under its key: what takes it down meanwhile would leave its slot marked as taken.
      const found = await app.lock.tryRun(machine.id, 'adopt', async () =>
        (await findMachine(app.db, machine.id))?.state === 'running' ? adopt(app, machine) : null,
      )
      if (found !== 'gone') return
      const work = tryFail(app, machine, deaths.reasons.get(machine.id) ?? 'its VM was gone when the daemon looked for it')
      if (!work) return
      await work
      deaths.reasons.delete(machine.id)
    })
    // What is left are machines that were never handed out.
    const open = new Set<string>(silent.map(({ id }) => id))
    for (const id of settled) if (!open.has(id)) deaths.reasons.delete(id)
  },
})

/** Machines that stand still because the host's disk was full run on when there is room again. */
export const held = (app: App): Reconciler => ({
  name: 'held',
  everyMs: 5_000,
  async run() {
    const { freeDiskMb } = await app.host.room()
    await each(app, await allMachines(app.db, ['running']), async (machine) => {
      const why = app.host.held(machine.id)
      if (why === null || (why === 'disk_full' && freeDiskMb < ROOM_TO_GO_ON_MB)) return
      using op = new Op(`release ${machine.id}`, { timeoutMs: 10_000 })
      app.log.warn({ machine: machine.id, why }, 'letting a held machine try again')
      await app.host.release(op, machine.id)
    })
  },
})

/** Operations that could not be finished or undone when they should have been. */
export const unfinished = (app: App): Reconciler => ({
  name: 'unfinished',
  everyMs: 15_000,
  run: () => app.engine.resume((keys, kind, work) => app.lock.tryRunAll(keys, kind, work)),
})

export const upkeep = (app: App): Reconciler => ({
  name: 'upkeep',
  everyMs: 2_000,
  async run() {
    await app.activity.flush(app.db)
    await forgetIdempotency(app.db, app.clock.now() - KEYS_KEPT_MS)
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
