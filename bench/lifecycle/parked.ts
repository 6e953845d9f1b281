// Many machines paused at once: none costs a process, and all come back.

import { setTimeout as sleep } from 'node:timers/promises'
import { countVms } from '../lib/footprint.ts'
import type { Findings } from '../lib/report.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'

/** As many machines are made and paused at the same time. */
const WIDTH = 4
/** A pause is answered when the state is safe; the end of its process may come a moment later. */
const GONE_WITHIN_MS = 5_000

export async function measureParked(context: Context, count: number): Promise<Findings> {
  const { bare, record, signal, say } = context
  const { api, runRoot } = bare
  const ids: string[] = []
  let left = Infinity
  try {
    await inTurns(count, async () => {
      signal.throwIfAborted()
      const id = await usedMachine(bare)
      ids.push(id)
      await record.time('pause of many', () => api.pause(id))
    })
    for (const until = performance.now() + GONE_WITHIN_MS; left > 0 && performance.now() < until; await sleep(50)) left = countVms(runRoot)
    say(`${ids.length} are paused; processes: ${left}`)
    for (const id of ids) {
      signal.throwIfAborted()
      const startedAt = performance.now()
      try {
        await api.resume(id)
        await api.execTrue(id)
        record.add('resume of many', performance.now() - startedAt)
      } catch (error) {
        record.fail('resume of many', error)
      }
      await api.destroyMachine(id)
    }
  } finally {
    for (const id of await api.listMachines()) await api.destroyMachine(id)
    await rest(3)
  }
  const resumed = record.summary('resume of many')
  return {
    rows: [
      { what: `g. ${count} paused, ${WIDTH} at a time: each`, summary: record.summary('pause of many') },
      { what: `g. each of the ${count} resumed, in turn → first \`sh -c true\` answered`, summary: resumed },
    ],
    bars: [
      { name: `g. processes of ${count} paused machines`, value: left, limit: 0, atMost: true, unit: '' },
      {
        name: `g. of ${count} that come back`,
        value: (100 * resumed.n * resumed.successRate) / count,
        limit: 100,
        atMost: false,
        unit: '%',
      },
    ],
    figures: [],
    notes: [],
  }
}

async function inTurns(count: number, work: () => Promise<void>): Promise<void> {
  let begun = 0
  const results = await Promise.allSettled(
    Array.from({ length: WIDTH }, async () => {
      while (begun++ < count) await work()
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
