// Many children from one stop.

import type { Findings } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { type Bar, ratio } from '../lib/stats.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'

export interface Crowd {
  readonly count: number
  /** Takes part in every n-th round. */
  readonly every: number
}

const nameOf = (count: number): string => (count === 1 ? 'one child' : `${count} children`)

export async function measureMany(context: Context, rounds: number, crowds: readonly Crowd[]): Promise<Findings> {
  const { bare, record, signal, say } = context
  const source = await usedMachine(bare)
  try {
    const contenders = [{ count: 1, every: 1 }, ...crowds].map(({ count, every }) => ({
      name: nameOf(count),
      every,
      inARow: count === 1 ? 3 : 1,
      once: () => forkMany(context, source, count),
    }))
    await interleave(contenders, { rounds, signal, say })
  } finally {
    await bare.api.destroyMachine(source)
    await rest(3)
  }
  const compare = (name: string, count: number): Bar => {
    const one = record.p50(nameOf(1) + (name === 'answered' ? ', answered' : ''))
    const value = ratio(record.p50(nameOf(count) + (name === 'answered' ? ', answered' : '')), one === undefined ? undefined : one * count)
    return { name: `c. ${nameOf(count)} against ${count} × one, ${name}, p50`, value, limit: 0.7, atMost: true, unit: '×' }
  }
  return {
    rows: [1, ...crowds.map(({ count }) => count)].flatMap((count) => [
      { what: `c. POST forks, ${nameOf(count)} → answered`, summary: record.summary(`${nameOf(count)}, answered`) },
      { what: `c. POST forks, ${nameOf(count)} → the last first \`sh -c true\` answered`, summary: record.summary(nameOf(count)) },
    ]),
    bars: [compare('answered', 16), compare('first exec', 16)],
    figures: crowds
      .filter(({ count }) => count !== 16)
      .flatMap(({ count }) =>
        (['answered', 'first exec'] as const).map((name) => ({
          what: `c. ${nameOf(count)} against ${count} × one, ${name}`,
          value: compare(name, count).value,
          unit: '×' as const,
        })),
      ),
    notes: ['c: the children’s first commands are sent together when the request is answered. All children are there, or none.'],
  }
}

async function forkMany({ bare: { api }, record }: Context, source: string, count: number): Promise<number> {
  let children: string[] = []
  try {
    const startedAt = performance.now()
    children = await record.time(`${nameOf(count)}, answered`, () => api.forkMany(source, count))
    await Promise.all(children.map((child) => api.execTrue(child)))
    const ms = performance.now() - startedAt
    record.add(nameOf(count), ms)
    return ms
  } catch (error) {
    record.fail(nameOf(count), error)
    throw error
  } finally {
    await Promise.all(children.map((child) => api.destroyMachine(child)))
    await rest(count > 1 ? 10 : 1)
  }
}
