// A machine of the fake daemon, for what is done with its files.

import { Client, Machine, type Files } from '../src/index.ts'
import { fakeDaemon, readAll, type FakeDaemon, type Seen } from './fake-daemon.ts'
import { machine } from './samples.ts'

export interface FileWorld extends AsyncDisposable {
  readonly daemon: FakeDaemon
  readonly files: Files
  /** How long was waited between tries, ms; no time passes. */
  readonly waits: number[]
  /** Requests since the machine was made. */
  seen(): Seen[]
  bodies(): unknown[]
}

export async function fileWorld(): Promise<FileWorld> {
  const daemon = await fakeDaemon()
  const waits: number[] = []
  const sleep = async (ms: number): Promise<void> => void waits.push(ms)
  daemon.on({ createMachine: () => machine() })
  const { files } = await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })
  const seen = (): Seen[] => daemon.seen.slice(1)
  return {
    daemon,
    files,
    waits,
    seen,
    bodies: () => seen().map(({ body }) => body),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}

export async function* once(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) yield Buffer.from(piece)
}

export const text = async (stream: AsyncIterable<Uint8Array>): Promise<string> => (await readAll(stream)).toString()

/** Of what `fileInfoOf` answers, some as the library gives it. */
export const INFO = {
  name: 'a.txt',
  path: '/w/a.txt',
  isDir: false,
  size: 5,
  type: 'file',
  owner: 'root',
  modifiedTime: '2026-11-01T10:00:00Z',
}
