// Ctrl-C ends a run early, but not before what it started is gone.

/** Replaces whatever listens to these signals now; the runner in tools/ would end the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.removeAllListeners(signal)
    process.on(signal, () => controller.abort(new Error(`interrupted by ${signal}`)))
  }
  return controller.signal
}
