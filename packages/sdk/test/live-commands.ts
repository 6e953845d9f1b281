// A machine of the fake daemon whose commands are live: a script for each connection.

import { expect } from 'vitest'
import { Client, Machine, type OutputChunk } from '../src/index.ts'
import { fakeDaemon, type FakeDaemon } from './fake-daemon.ts'
import type { FakeSocket } from './fake-sockets.ts'
import { machine } from './samples.ts'

export type Script = (socket: FakeSocket) => unknown

export interface LiveCommands extends AsyncDisposable {
  readonly daemon: FakeDaemon
  /** How long was waited between tries, ms; no time passes. */
  readonly waits: number[]
  readonly commands: Machine['commands']
  /** One script per connection, after its first frame; answers those frames. A connection too many is told so. */
  connections(...scripts: (Script | readonly object[])[]): Record<string, unknown>[]
  /** What is kept of the output. `dropped`: what is said when not all is. */
  logs(stdout: string, stderr: string, dropped?: { dropped_bytes?: number; stdout_kept_bytes?: number; stderr_kept_bytes?: number }): void
  /** Those that were called. */
  routes(): string[]
}

export async function liveCommands(): Promise<LiveCommands> {
  const daemon = await fakeDaemon()
  const waits: number[] = []
  /** Aborted at the end of a test: what it leaves behind is not to look for its daemon for ever. */
  const over = new AbortController()
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    waits.push(ms)
    signal?.throwIfAborted()
    over.signal.throwIfAborted()
  }
  daemon.on({ createMachine: () => machine(), getMachine: () => machine(), killProcess: () => undefined, sendStdin: () => undefined })
  const { commands } = await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })
  return {
    daemon,
    waits,
    commands,
    connections(...scripts) {
      const first: Record<string, unknown>[] = []
      const next = [...scripts]
      daemon.onSocket({
        async websocketUpgrade(socket) {
          expect(socket.query).toEqual({ channel: 'exec' })
          first.push((await socket.next()) as Record<string, unknown>)
          const script = next.shift()
          if (script === undefined) socket.send({ type: 'error', message: 'the script is over', code: 'exec_failed' })
          else if (typeof script === 'function') await script(socket)
          else for (const frame of script) socket.send(frame)
        },
      })
      return first
    },
    logs: (stdout, stderr, dropped = {}) =>
      daemon.on({ getProcessLogs: () => ({ stdout, stderr, output: stdout + stderr, exit_code: null, ...dropped }) }),
    routes: () => daemon.seen.slice(1).map(({ route }) => route),
    async [Symbol.asyncDispose]() {
      over.abort()
      await daemon[Symbol.asyncDispose]()
    },
  }
}

/** What a daemon says and then its connection is cut. */
export const cutAfter =
  (...frames: object[]): Script =>
  (socket) => {
    for (const frame of frames) socket.send(frame)
    socket.close()
  }

export const shown = ({ stream, data }: OutputChunk): string => `${stream} ${data}`

export async function all(chunks: AsyncIterable<OutputChunk>): Promise<string[]> {
  const seen: string[] = []
  for await (const one of chunks) seen.push(shown(one))
  return seen
}

/** For a run that is not over HTTP. */
export const live = { onStdout() {} }
