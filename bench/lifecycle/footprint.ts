// What an idle fork costs in memory, alone and among siblings.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Footprint, footprint, PARTS, total } from '../lib/footprint.ts'
import type { Findings } from '../lib/report.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'

const SIBLINGS = 16
/** After the first command: what it started has ended. */
const SETTLE_MS = 5_000
const WAYS = [
  { name: 'alone', count: 1 },
  { name: `with ${SIBLINGS} siblings`, count: SIBLINGS + 1 },
] as const

export async function measureFootprint(context: Context, rounds: number): Promise<Findings> {
  const { bare, record, signal, say } = context
  const { api, runRoot } = bare
  const source = await usedMachine(bare)
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { name, count } of WAYS) {
        signal.throwIfAborted()
        const children = await api.forkMany(source, count)
        try {
          await Promise.all(children.map((child) => api.execTrue(child)))
          await sleep(SETTLE_MS)
          for (const child of children) noteFootprint(context, name, footprint(runRoot, child))
        } finally {
          await Promise.all(children.map((child) => api.destroyMachine(child)))
          await rest(3)
        }
      }
      say(
        `footprint ${round + 1}/${rounds}  ${WAYS.map(({ name }) => `${name} ${((record.p50(`PSS ${name}`) ?? 0) / 1e6).toFixed(1)} MB`).join('   ')}`,
      )
    }
  } finally {
    await api.destroyMachine(source)
  }
  return {
    rows: WAYS.map(({ name }) => ({ what: `f. PSS of an idle fork’s QEMU, ${name}`, summary: record.summary(`PSS ${name}`), unit: 'MB' })),
    bars: WAYS.map(({ name }) => {
      const bytes = record.p50(`PSS ${name}`)
      return { name: `f. PSS ${name}, p50`, value: bytes === undefined ? null : bytes / 1e6, limit: 50, atMost: true, unit: 'MB' }
    }),
    figures: WAYS.flatMap(({ name }) =>
      Object.values(PARTS).map((part) => {
        const mean = record.mean(`PSS ${name}: ${part}`)
        return { what: `f. ${name}: ${part}`, value: mean === null ? null : mean / 1e6, unit: 'MB' as const }
      }),
    ),
    notes: [
      `f: read from smaps ${SETTLE_MS / 1000} s after the child’s first command. Its source runs beside it, and shares with it what neither has changed.`,
    ],
  }
}

function noteFootprint({ record }: Context, name: string, parts: Footprint): void {
  record.add(`PSS ${name}`, total(parts) * 1024)
  for (const [part, what] of Object.entries(PARTS)) record.add(`PSS ${name}: ${what}`, parts[part as keyof Footprint] * 1024)
}
