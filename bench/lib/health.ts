// How fast the daemon answers while something else goes on, asked from a process of its own; beside a server that does
// nothing else.

import { type ChildProcess, fork } from 'node:child_process'

export interface HealthTimes {
  /** ms; undefined for a request that failed. */
  readonly daemon: (number | undefined)[]
  readonly plain: (number | undefined)[]
}

export async function healthDuring(daemonUrl: string, work: () => Promise<void>): Promise<HealthTimes> {
  const server = start(new URL('./plain-server.ts', import.meta.url), [])
  try {
    const plainUrl = await message<string>(server)
    const client = start(new URL('./health-client.ts', import.meta.url), [`${daemonUrl}/healthz`, plainUrl])
    try {
      await work()
      client.send('enough')
      const [daemon = [], plain = []] = await message<(number | null)[][]>(client)
      return { daemon: daemon.map((ms) => ms ?? undefined), plain: plain.map((ms) => ms ?? undefined) }
    } finally {
      client.kill('SIGKILL')
    }
  } finally {
    server.kill('SIGKILL')
  }
}

/** In a group of its own, so that a Ctrl-C reaches only us. */
function start(script: URL, args: string[]): ChildProcess {
  return fork(script, args, { execArgv: ['--disable-warning=ExperimentalWarning'], detached: true })
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (said) => resolve(said as T))
    child.once('exit', (code) => reject(new Error(`${child.spawnargs[2] ?? 'it'} ended with ${code}`)))
    child.once('error', reject)
  })
}
