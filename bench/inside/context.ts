// What every part of the benchmark of work inside a machine needs.

import type { ColdMachine } from '../lib/cold.ts'
import type { IdleContainer } from '../lib/container.ts'
import type { Daemon } from '../lib/daemon.ts'
import type { Recorder } from '../lib/recorder.ts'
import type { Contender } from '../lib/rounds.ts'

export interface Context {
  /** Without spares: nothing goes on in it but what is measured. */
  readonly daemon: Daemon
  readonly container: IdleContainer
  /** Of the same image, with nothing between us and its agent. */
  bootCold(): Promise<ColdMachine>
  /** For files on the host; goes away with all that is in it. */
  readonly dir: string
  readonly record: Recorder
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** One whose attempts are noted under its name. */
export function recorded(
  record: Recorder,
  name: string,
  work: () => Promise<unknown>,
  { every = 1, inARow = 1 }: { readonly every?: number; readonly inARow?: number } = {},
): Contender {
  return {
    name,
    every,
    inARow,
    async once() {
      const startedAt = performance.now()
      await record.time(name, work)
      return performance.now() - startedAt
    },
  }
}
