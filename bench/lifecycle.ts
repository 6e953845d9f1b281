// What it takes to snapshot, fork, pause and resume a machine, beside creating one, in one run.

import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureAnswers } from './lifecycle/answers.ts'
import type { Context } from './lifecycle/context.ts'
import { measureFirstExecs } from './lifecycle/first-exec.ts'
import { measureFootprint } from './lifecycle/footprint.ts'
import { type Crowd, measureMany } from './lifecycle/many.ts'
import { measureParked } from './lifecycle/parked.ts'
import { measureStops } from './lifecycle/stop.ts'
import { startContainer } from './lib/container.ts'
import { startDaemon } from './lib/daemon.ts'
import { hostFacts, load } from './lib/host-facts.ts'
import { prepareHost } from './lib/image.ts'
import { interruption } from './lib/interruption.ts'
import { preparePodman } from './lib/podman.ts'
import { Recorder } from './lib/recorder.ts'
import { type Findings, writeReport } from './lib/report.ts'
import { isHeld } from './lib/stats.ts'

export interface LifecycleOptions {
  readonly rounds: number
  readonly crowdRounds: number
  readonly crowds: readonly Crowd[]
  readonly footprintRounds: number
  readonly parked: number
  readonly answerRounds: number
  readonly name: string
}

type Say = (line: string) => void

/** True when every bar was held. */
export async function benchLifecycle(options: LifecycleOptions, say: Say): Promise<boolean> {
  const imageDir = await prepareHost(say)
  const podman = await preparePodman(say)
  const signal = interruption()
  const dir = await mkdtemp(join(tmpdir(), 'nsb-'))
  // Hypervisors run as users of their own and pass through it to their files.
  await chmod(dir, 0o711)
  const startedAt = new Date()
  try {
    await using bare = await startDaemon({ dir, imageDir, spares: 0, memoriesMb: [256, 2048], say })
    await using sparing = await startDaemon({ dir, imageDir, spares: 1, say })
    await using container = await startContainer(podman)
    const host = await hostFacts({ accelerator: bare.status.accelerator, podman: podman.version, runtime: podman.runtime })
    const before = load()
    const clock = performance.now()
    const context: Context = { bare, sparing, record: new Recorder(), signal, say }
    const found: Findings[] = []
    // First those that are compared with each other; the record is empty when they begin.
    found.push(await measureFirstExecs(context, options.rounds, container))
    found.push(await measureStops(context, options.rounds))
    found.push(await measureMany(context, options.crowdRounds, options.crowds))
    found.push(await measureFootprint(context, options.footprintRounds))
    found.push(await measureParked(context, options.parked))
    found.push(await measureAnswers(context, options.answerRounds))
    const rows = found.flatMap((one) => one.rows)
    const bars = found.flatMap((one) => one.bars)
    const byLetter = <T>(items: readonly T[], text: (item: T) => string): T[] =>
      items.toSorted((one, other) => text(one).charCodeAt(0) - text(other).charCodeAt(0))
    const page = await writeReport(options.name, {
      benchmark: 'lifecycle',
      startedAt: startedAt.toISOString(),
      seconds: (performance.now() - clock) / 1000,
      host,
      load: { before, after: load() },
      rows: byLetter(rows, ({ what }) => what),
      bars: byLetter(bars, ({ name }) => name),
      figures: found.flatMap((one) => one.figures),
      notes: found.flatMap((one) => one.notes),
      errors: context.record.errors(),
      raw: context.record.raw(),
    })
    process.stdout.write(`\n${page}`)
    return bars.every(isHeld)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
