// What it takes to work in a machine that runs: commands, terminals, files and streams, beside podman, in one run.

import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { qemuDriver } from '@nullspace/vmm/qemu/driver.ts'
import { measureCommands } from './inside/commands.ts'
import type { Context } from './inside/context.ts'
import { measureCrowds } from './inside/crowds.ts'
import { measureFiles } from './inside/files.ts'
import { measureStream } from './inside/stream.ts'
import { bootCold } from './lib/cold.ts'
import { startIdle } from './lib/container.ts'
import { startDaemon } from './lib/daemon.ts'
import { hostFacts, load } from './lib/host-facts.ts'
import { prepareHost } from './lib/image.ts'
import { interruption } from './lib/interruption.ts'
import { preparePodman } from './lib/podman.ts'
import { Recorder } from './lib/recorder.ts'
import { type Findings, writeReport } from './lib/report.ts'
import { isHeld } from './lib/stats.ts'

export interface InsideOptions {
  readonly rounds: number
  readonly crowdRounds: number
  readonly fileRounds: number
  /** How many of 1 KiB. */
  readonly smallFiles: number
  readonly streamRounds: number
  readonly streamMib: number
  readonly name: string
}

type Say = (line: string) => void

/** True when every bar was held. */
export async function benchInside(options: InsideOptions, say: Say): Promise<boolean> {
  const imageDir = await prepareHost(say)
  const podman = await preparePodman(say)
  const signal = interruption()
  const dir = await mkdtemp(join(tmpdir(), 'nsb-'))
  // Hypervisors run as users of their own and pass through it to their files.
  await chmod(dir, 0o711)
  const files = join(dir, 'files')
  await mkdir(files)
  const startedAt = new Date()
  try {
    await using daemon = await startDaemon({ dir, imageDir, spares: 0, say })
    await using container = await startIdle(podman)
    const { accelerator } = daemon.status
    const driver = qemuDriver({ stateDir: dir, accelerator: accelerator === 'kvm' ? 'kvm' : 'tcg', cgroup: null })
    try {
      const host = await hostFacts({ accelerator, podman: podman.version, runtime: podman.runtime })
      const before = load()
      const clock = performance.now()
      const parts: ((context: Context) => Promise<Findings>)[] = [
        (context) => measureCommands(context, options.rounds),
        (context) => measureCrowds(context, options.crowdRounds),
        (context) => measureFiles(context, { rounds: options.fileRounds, small: options.smallFiles }),
        (context) => measureStream(context, options.streamRounds, options.streamMib),
      ]
      const found: Findings[] = []
      const records: Recorder[] = []
      for (const part of parts) {
        // Each forgets what was only to warm up, so each has its own.
        const record = new Recorder()
        records.push(record)
        const context: Context = {
          daemon,
          container,
          bootCold: () => bootCold(driver, { dir, imageDir }),
          dir: files,
          record,
          signal,
          say,
        }
        found.push(await part(context))
      }
      const bars = found.flatMap((one) => one.bars)
      const page = await writeReport(options.name, {
        benchmark: 'inside',
        startedAt: startedAt.toISOString(),
        seconds: (performance.now() - clock) / 1000,
        host,
        load: { before, after: load() },
        rows: found.flatMap((one) => one.rows),
        bars,
        figures: found.flatMap((one) => one.figures),
        notes: found.flatMap((one) => one.notes),
        errors: records.flatMap((record) => record.errors()),
        raw: Object.assign({}, ...records.map((record) => record.raw())),
      })
      process.stdout.write(`\n${page}`)
      return bars.every(isHeld)
    } finally {
      await driver.close()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
