// Samples what running machines use, each at its own time within the interval, so that they are never asked all at once.

import type { App } from '../app/context.ts'
import type { Machine } from '../domain/machine.ts'
import { allMachines } from '../store/tables/machines.ts'
import type { Reconciler } from './reconciler.ts'

const LOOK_EVERY_MS = 1_000

export const usage = (app: Pick<App, 'db' | 'clock' | 'lock' | 'usage' | 'log'>): Reconciler => {
  const { everyMs } = app.usage
  /** When each machine is next due. */
  const due = new Map<string, number>()
  const sampled = async (machine: Machine): Promise<void> => {
    // Something is changing it: the guest may be standing still, and is not to be asked while it is being saved.
    if (app.lock.holder(machine.id) !== undefined) return
    await app.usage.sample(machine, Math.min(LOOK_EVERY_MS, everyMs) / 2)
  }
  return {
    name: 'usage',
    everyMs: LOOK_EVERY_MS,
    async run() {
      const machines = await allMachines(app.db)
      app.usage.keepOnly(new Set(machines.filter(({ state }) => state !== 'destroyed').map(({ id }) => id)))
      const running = new Map<string, Machine>(machines.filter(({ state }) => state === 'running').map((machine) => [machine.id, machine]))
      for (const id of due.keys()) if (!running.has(id)) due.delete(id)
      const now = app.clock.now()
      const turn: Machine[] = []
      for (const [id, machine] of running) {
        const at = due.get(id)
        // The first time is anywhere in the interval.
        if (at === undefined) due.set(id, now + phaseOf(id) * everyMs)
        else if (at <= now) turn.push(machine)
        // Turns that were missed are not made up for.
        if (at !== undefined && at <= now) due.set(id, Math.max(at + everyMs, now + everyMs / 2))
      }
      await Promise.all(
        turn.map((machine) => sampled(machine).catch((error: unknown) => app.log.error({ err: error, machine: machine.id }, 'no sample'))),
      )
    },
  }
}

/** 0 up to 1, evenly spread and always the same for an id. */
function phaseOf(id: string): number {
  let hash = 2_166_136_261
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 16_777_619)
  // The last characters have only reached the low bits so far.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}
