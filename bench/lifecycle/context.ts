// What every part of the lifecycle benchmark needs.

import type { Daemon } from '../lib/daemon.ts'
import type { Recorder } from '../lib/recorder.ts'

export interface Context {
  /** Without spares: what is measured in it is a restore. */
  readonly bare: Daemon
  /** With one spare. */
  readonly sparing: Daemon
  readonly record: Recorder
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}
