// What every part of the lifecycle benchmark needs.

import type { Daemon } from '../lib/daemon.ts'
import type { Recorder } from '../lib/recorder.ts'
import type { Figure, Row } from '../lib/report.ts'
import type { Bar } from '../lib/stats.ts'

export interface Context {
  /** Without spares: what is measured in it is a restore. */
  readonly bare: Daemon
  /** With one spare. */
  readonly sparing: Daemon
  readonly record: Recorder
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** What a part has to say. */
export interface Findings {
  readonly rows: readonly Row[]
  readonly bars: readonly Bar[]
  readonly figures: readonly Figure[]
  readonly notes: readonly string[]
}

/** Longer than any run: a machine is to end when we say so. */
export const LASTING = { timeout_ms: 6 * 3_600_000 } as const

/** A machine that has had its first command, as one that is worth a fork or a pause has. */
export async function usedMachine({ api }: Daemon, wanted: object = {}): Promise<string> {
  const id = await api.createMachine({ ...LASTING, ...wanted })
  await api.execTrue(id)
  return id
}
