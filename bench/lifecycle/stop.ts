// How long a machine stands still when it is saved, by what it changed in its memory and by how much it has.

import { LASTING } from '../lib/api.ts'
import { readClock } from '../lib/guest-clock.ts'
import { grown } from '../lib/metrics.ts'
import { interleave } from '../lib/rounds.ts'
import type { Figure, Findings } from '../lib/report.ts'
import { type Bar, ratio } from '../lib/stats.ts'
import { rest } from '../lib/timing.ts'
import type { Context } from './context.ts'

interface Cell {
  /** In all; 0: a machine that only came up. */
  readonly dirtyMb: number
  readonly memoryMb: number
  readonly every: number
}

/** 256 MiB changed fit into none that has 256. */
const CELLS: readonly Cell[] = [
  { dirtyMb: 0, memoryMb: 256, every: 1 },
  { dirtyMb: 0, memoryMb: 2048, every: 1 },
  { dirtyMb: 16, memoryMb: 256, every: 1 },
  { dirtyMb: 16, memoryMb: 2048, every: 1 },
  { dirtyMb: 64, memoryMb: 256, every: 1 },
  { dirtyMb: 64, memoryMb: 2048, every: 1 },
  { dirtyMb: 256, memoryMb: 2048, every: 3 },
]

const nameOf = ({ dirtyMb, memoryMb }: Cell): string => `stop, ${dirtyMb === 0 ? 'idle' : `${dirtyMb} MB`} of ${memoryMb} MiB`
const bytesOf = (cell: Cell): string => `${nameOf(cell)}: bytes`

export const STOPPED = 'nullspace_capture_stopped_seconds'
export const BYTES = 'nullspace_capture_bytes'

/** Each cell has a machine of its own for the whole course, which changes the same memory anew before each save. */
export async function measureStops(context: Context, rounds: number): Promise<Findings> {
  const { bare, record, signal, say } = context
  const { api } = bare
  const machines = new Map<Cell, string>()
  try {
    for (const cell of CELLS) machines.set(cell, await api.createMachine({ ...LASTING, memory_mb: cell.memoryMb }))
    const control = await api.createMachine(LASTING)
    const watched = machines.get(CELLS[0]!)! // made above
    const clocks = async () => ({ watched: await readClock(api, watched), control: await readClock(api, control) })
    for (const [cell, id] of machines) await saveOnce(context, cell, id)
    const before = await clocks()
    let told = 0
    const contenders = [...machines].map(([cell, id]) => ({
      name: nameOf(cell),
      every: cell.every,
      async once() {
        try {
          const { stoppedMs, bytes } = await saveOnce(context, cell, id)
          record.add(nameOf(cell), stoppedMs)
          record.add(bytesOf(cell), bytes)
          if (id === watched) told += stoppedMs
          return stoppedMs
        } catch (error) {
          record.fail(nameOf(cell), error)
          throw error
        }
      },
    }))
    await interleave(contenders, { rounds, signal, say })
    const after = await clocks()
    const lag = (of: 'watched' | 'control'): number => before[of].offsetMs - after[of].offsetMs
    const doubt = before.watched.withinMs + after.watched.withinMs
    const seen = lag('watched') - lag('control')
    await api.destroyMachine(control)
    return findings(context, [
      { what: `stops of the idle 256 MiB machine by the daemon, sum of ${rounds}`, value: told, unit: 'ms' },
      { what: `the same by how far the guest's clock fell behind (± ${doubt.toFixed(0)} ms)`, value: seen, unit: 'ms' },
    ])
  } finally {
    for (const id of machines.values()) await api.destroyMachine(id)
    await rest(3)
  }
}

async function saveOnce({ bare: { api } }: Context, { dirtyMb }: Cell, id: string): Promise<{ stoppedMs: number; bytes: number }> {
  if (dirtyMb > 0) await dirty(api, id, dirtyMb)
  await rest()
  const before = await api.metrics()
  const snapshot = await api.createSnapshot(id)
  const after = await api.metrics()
  await api.deleteSnapshot(snapshot.id)
  return { stoppedMs: grown(before, after, `${STOPPED}_sum`) * 1000, bytes: grown(before, after, `${BYTES}_sum`) }
}

/** What coming up and the program below change by themselves. */
const BESIDES_MB = 8

let turn = 0

/** The same pages each time, with other contents. */
async function dirty(api: Context['bare']['api'], id: string, mb: number): Promise<void> {
  const program = 'sysopen(F,"/dev/shm/dirty",66)||die; $b=chr($ARGV[1])x1048576; for(1..$ARGV[0]){syswrite(F,$b)==1048576||die}'
  await api.exec(id, { command: 'perl', args: ['-e', program, String(mb - BESIDES_MB), String(1 + (turn++ % 255))] })
}

function findings({ record }: Context, figures: readonly Figure[]): Findings {
  const p50 = (dirtyMb: number, memoryMb: number): number | undefined => record.p50(nameOf({ dirtyMb, memoryMb, every: 1 }))
  const short = CELLS.filter(({ dirtyMb }) => dirtyMb <= 16)
  return {
    rows: CELLS.map((cell) => {
      const bytes = record.p50(bytesOf(cell))
      const copied = bytes === undefined ? '' : ` (${(bytes / 1e6).toFixed(1)} MB copied)`
      return { what: `a. the source stands still at a snapshot, ${nameOf(cell).slice(6)}${copied}`, summary: record.summary(nameOf(cell)) }
    }),
    bars: [
      ...short.map((cell): Bar => {
        return { name: `a. ${nameOf(cell)}, p50`, value: record.p50(nameOf(cell)) ?? null, limit: 60, atMost: true, unit: 'ms' }
      }),
      ...[0, 16, 64].map((mb): Bar => {
        const name = `a. stop at ${mb === 0 ? 'idle' : `${mb} MB`}, 2048 against 256 MiB, p50`
        return { name, value: ratio(p50(mb, 2048), p50(mb, 256)), limit: 1.3, atMost: true, unit: '×' }
      }),
    ],
    figures,
    notes: [
      'a: each row has a machine of its own for all rounds. Before every save a process in it writes a file in memory anew, in place and with other contents, so large that the given amount has changed since the machine’s start; the idle one only came up. The time is the daemon’s (`nullspace_capture_stopped_seconds`), one capture at a time. A guest cannot see it as a gap, for its clock stands still with it; it shows as a clock that falls behind. A third machine that is not saved is the control.',
    ],
  }
}
