// What every part of the lifecycle benchmark needs.

import { LASTING } from '../lib/api.ts'
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

/** A machine that has had its first command, as one that is worth a fork or a pause has. */
export async function usedMachine({ api }: Daemon, wanted: object = {}): Promise<string> {
  const id = await api.createMachine({ ...LASTING, ...wanted })
  await api.execTrue(id)
  return id
}
