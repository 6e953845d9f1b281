// Samples what running machines use, each at its own time within the interval, so that they are never asked all at once.

import type { App } from '../app/context.ts'
import { sampleNow } from '../app/usage.ts'
import { measuredMachines } from '../store/tables/machines.ts'
import type { Reconciler } from './reconciler.ts'

const LOOK_EVERY_MS = 1_000

export const usage = (app: Pick<App, 'db' | 'clock' | 'lock' | 'usage' | 'log'>): Reconciler => {
  const { everyMs } = app.usage
  const maxAgeMs = Math.min(LOOK_EVERY_MS, everyMs) / 2
  /** When each machine is next due. */
  const due = new Map<string, number>()
  return {
    name: 'usage',
    everyMs: LOOK_EVERY_MS,
    async run() {
      const machines = await measuredMachines(app.db)
      app.usage.keepOnly(new Set(machines.map(({ id }) => id)))
      const running = machines.filter(({ state }) => state === 'running')
      const ids = new Set<string>(running.map(({ id }) => id))
      for (const id of due.keys()) if (!ids.has(id)) due.delete(id)
      const now = app.clock.now()
      for (const machine of running) {
        const at = due.get(machine.id)
        // The first time is anywhere in the interval, and also when the clock was set back.
        if (at === undefined || at > now + everyMs) due.set(machine.id, now + phaseOf(machine.id) * everyMs)
        if (at === undefined || at > now) continue
        // Turns that were missed are not made up for.
        due.set(machine.id, Math.max(at + everyMs, now + everyMs / 2))
        // Not waited for: guests that do not answer hold up none but their owner's.
        sampleNow(app, machine, maxAgeMs).catch((error: unknown) => app.log.error({ err: error, machine: machine.id }, 'no sample'))
      }
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
