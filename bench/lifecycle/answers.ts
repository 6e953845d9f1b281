// Whether the daemon still answers at once while it forks.

import { setTimeout as sleep } from 'node:timers/promises'
import { healthDuring } from '../lib/health.ts'
import type { Findings } from '../lib/report.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'

const FORKS = 10
const QUIET_MS = 5_000

/** Ten machines are forked at the same time, over and over. */
export async function measureAnswers(context: Context, rounds: number): Promise<Findings> {
  const { bare, record, signal, say } = context
  const { api, url } = bare
  const note = (name: string, times: readonly (number | undefined)[]): void => {
    for (const ms of times) {
      if (ms === undefined) record.fail(name, 'no answer')
      else record.add(name, ms)
    }
  }
  const sources: string[] = []
  try {
    for (let i = 0; i < FORKS; i++) sources.push(await usedMachine(bare))
    await rest(10)
    const quiet = await healthDuring(url, () => sleep(QUIET_MS))
    note('healthz, quiet', quiet.daemon)
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted()
      let children: string[] = []
      const busy = await healthDuring(url, async () => {
        const forked = await Promise.allSettled(sources.map((source) => record.time('ten forks, each', () => api.fork(source))))
        children = forked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      })
      note('healthz', busy.daemon)
      note('plain server', busy.plain)
      say(`ten forks ${round + 1}/${rounds}  ${busy.daemon.length} answers`)
      await Promise.all(children.map((child) => api.destroyMachine(child)))
      await rest(10)
    }
  } finally {
    for (const source of sources) await api.destroyMachine(source)
  }
  return {
    rows: [
      { what: 'h. GET /healthz, nothing going on', summary: record.summary('healthz, quiet') },
      { what: `h. GET /healthz while ${FORKS} forks run`, summary: record.summary('healthz') },
      { what: 'h. a Node server that does nothing else, at the same times', summary: record.summary('plain server') },
      { what: `h. ${FORKS} forks at once: each → answered`, summary: record.summary('ten forks, each') },
    ],
    bars: [
      {
        name: `h. /healthz while ${FORKS} forks run, p99`,
        value: record.summary('healthz').times?.p99 ?? null,
        limit: 50,
        atMost: true,
        unit: 'ms',
      },
    ],
    figures: [],
    notes: [
      'h: asked every 10 ms from a process of its own, whatever became of the request before, and counted from when it was due. What a plain server takes at the same time is the host’s part: all cores are taken.',
    ],
  }
}
