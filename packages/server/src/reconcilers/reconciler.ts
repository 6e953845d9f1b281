// Background work takes no input: a reconciler reads the state and acts on what it finds. A nudge only makes it look
// sooner; losing every nudge costs latency, nothing else.

import type { Logger } from '../observe/logger.ts'

export interface Reconciler {
  readonly name: string
  readonly everyMs: number
  run(): Promise<void>
}

export interface Running {
  nudge(): void
  /** Resolves when no run is under way; none begins after it. */
  stop(): Promise<void>
}

export function startReconciler(reconciler: Reconciler, log: Logger): Running {
  let stopped = false
  let again = false
  let current: Promise<void> | undefined
  const look = (): void => {
    if (stopped) return
    if (current) {
      again = true
      return
    }
    again = false
    current = reconciler
      .run()
      .catch((error: unknown) => log.error({ err: error, reconciler: reconciler.name }, 'reconciler failed; it will look again'))
      .finally(() => {
        current = undefined
        if (again) look()
      })
  }
  const timer = setInterval(look, reconciler.everyMs)
  timer.unref()
  return {
    nudge: look,
    async stop() {
      stopped = true
      clearInterval(timer)
      await current
    },
  }
}
