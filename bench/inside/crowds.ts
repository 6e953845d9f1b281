// A hundred commands at the same time: on one machine, and on ten.

import type { Findings } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { unevenness } from '../lib/stats.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'

const COMMANDS = 100
const MACHINES = 10
/** Of the slowest against the median; served one after another it is 2. */
const MOST_UNEVEN = 3

const WAYS = [
  { name: `${COMMANDS} on one machine`, machines: 1 },
  { name: `${COMMANDS / MACHINES} each on ${MACHINES} machines`, machines: MACHINES },
] as const

export async function measureCrowds(context: Context, rounds: number): Promise<Findings> {
  const { daemon, record, signal, say } = context
  const { api } = daemon
  const ids: string[] = []
  try {
    for (let i = 0; i < MACHINES; i++) ids.push(await usedMachine(context.daemon))
    await rest(10)
    const contenders = WAYS.map(({ name, machines }) => ({
      name,
      every: 1,
      async once() {
        const ms = await crowd(
          context,
          name,
          Array.from({ length: COMMANDS }, (_, i) => ids[i % machines]!), // there are as many
        )
        await rest(3)
        return ms
      },
    }))
    await interleave(contenders, { rounds, signal, say })
  } finally {
    for (const id of ids) await api.destroyMachine(id)
    await rest(3)
  }
  const worst = (name: string): number | null => record.summary(uneven(name)).times?.max ?? null
  return {
    rows: WAYS.flatMap(({ name }) => [
      { what: `b. ${name} at once, \`sh -c true\`: each`, summary: record.summary(name) },
      { what: `b. ${name} at once: the last`, summary: record.summary(last(name)) },
    ]),
    bars: WAYS.flatMap(({ name }) => [
      { name: `b. ${name}: that succeed`, value: record.summary(name).successRate * 100, limit: 100, atMost: false, unit: '%' as const },
      {
        name: `b. ${name}: slowest against the median, worst round`,
        value: worst(name),
        limit: MOST_UNEVEN,
        atMost: true,
        unit: '×' as const,
      },
    ]),
    figures: WAYS.map(({ name }) => ({
      what: `b. ${name}: time to the last, by command`,
      value: perCommand(record.p50(last(name))),
      unit: 'ms',
    })),
    notes: [
      `b: all are sent in the same moment over connections of their own. In a line that is served in order the slowest takes 2 times the median; more than ${MOST_UNEVEN} times is taken for starvation.`,
    ],
  }
}

const last = (name: string): string => `${name}: last`
const uneven = (name: string): string => `${name}: slowest against median (×)`
const perCommand = (ms: number | undefined): number | null => (ms === undefined ? null : ms / COMMANDS)

async function crowd({ daemon: { api }, record }: Context, name: string, ids: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  const ended = await Promise.allSettled(
    ids.map(async (id) => {
      await record.time(name, () => api.execTrue(id))
      return performance.now() - startedAt
    }),
  )
  const times = ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = ended.find((one) => one.status === 'rejected')
  if (failed) {
    record.fail(last(name), failed.reason)
    throw failed.reason
  }
  const ms = Math.max(...times)
  record.add(last(name), ms)
  record.add(uneven(name), unevenness(times) ?? Number.NaN) // there are some
  return ms
}
