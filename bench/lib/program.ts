// Programs while the clock runs or something has to be cleaned up. (The runner in tools/ ends this process at a signal.)

import { execFile } from 'node:child_process'

export interface Ended {
  readonly ok: boolean
  readonly stdout: string
  /** One line, for an error's text. */
  readonly why: string
  readonly ms: number
}

/** Never rejects. In a group of its own, so that a Ctrl-C reaches only us. */
export function program(name: string, args: readonly string[], timeoutMs = 60_000): Promise<Ended> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: 1 << 24, detached: true, encoding: 'utf8' } as const
    execFile(name, args, options, (error, stdout, stderr) => {
      const last = stderr.trim().split('\n').slice(-3).join(' | ')
      resolve({
        ok: error === null,
        stdout,
        why: error ? `${name} ended with ${error.code ?? error.signal}: ${last}` : '',
        ms: performance.now() - startedAt,
      })
    })
  })
}
