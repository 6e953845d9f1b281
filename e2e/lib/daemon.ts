// A daemon as a child process on a data directory of its own. It can be stopped, killed and started again on the same
// directory. A child of the test run and not of a shell: what it is told to do reaches it and nobody else.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from './client.ts'
import { clearPlace, hypervisors, type Place, tracesOfDaemon } from './host.ts'

export const REPO = join(import.meta.dirname, '../..')
const MAIN = join(REPO, 'packages/server/src/main.ts')
const ARTIFACTS = join(REPO, '.artifacts/e2e')
/** Only to end a run that hangs; nothing is measured by it. */
const START_TIMEOUT_MS = 90_000
const BUILD_TIMEOUT_MS = 240_000
const STOP_TIMEOUT_MS = 60_000

export interface DaemonOptions {
  /** Under which its evidence is kept when a test fails. */
  readonly name: string
  readonly shapes?: readonly { readonly vcpus: number; readonly memory_mb: number }[]
  /** Further settings, NULLSPACE_*. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Daemon implements AsyncDisposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'nullspace-e2e-'))
  readonly spareSlots = 3
  readonly #options: DaemonOptions
  #child: ChildProcess | undefined
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null })
  #place: Place | undefined
  #client: Client | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    // Machines' own users pass through it.
    chmodSync(this.dataDir, 0o711)
  }

  get place(): Place {
    if (!this.#place) throw new Error('the daemon was never started')
    return this.#place
  }
  get client(): Client {
    if (!this.#client) throw new Error('the daemon does not run')
    return this.#client
  }
  get pid(): number {
    return this.#child?.pid ?? 0
  }
  /** How the process ended, once it has. */
  get ended(): Promise<Ended> {
    return this.#ended
  }
  get logFile(): string {
    return join(this.dataDir, 'e2e.log')
  }

  /** Until it answers. `env` is for this life only. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.spawn(env)
    const record = await this.#wait('the daemon answers', START_TIMEOUT_MS, async () => {
      const { pid, url } = JSON.parse(readFileSync(join(this.dataDir, 'daemon.json'), 'utf8')) as { pid: number; url: string }
      return pid === this.pid && (await fetch(`${url}/healthz`)).ok && { url }
    })
    this.#client = new Client({ url: record.url, key: readFileSync(join(this.dataDir, 'operator-api-key'), 'utf8').trim() })
    this.#place ??= this.#readPlace()
  }

  /** Begins a life of the process without waiting for anything. */
  spawn(env: Readonly<Record<string, string>> = {}): void {
    const log = openSync(this.logFile, 'a')
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], {
      stdio: ['ignore', log, log],
      env: { ...this.#environment(), ...env },
    })
    closeSync(log)
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  }

  /** Another daemon on the same directory, to its end; nothing of ours changes. */
  async second(): Promise<Ended> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], {
      stdio: 'ignore',
      env: this.#environment(),
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
    return new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        resolve({ code, signal })
      })
    })
  }

  async shapesReady(): Promise<void> {
    await this.#wait('the shapes are built', BUILD_TIMEOUT_MS, async () => {
      const { body } = await this.client.call<{ shapes: { state: string; detail?: string }[] }>('GET', '/v1/host/status')
      const failed = body.shapes.find(({ state }) => state === 'failed')
      if (failed) throw new Hopeless(`a shape could not be built: ${failed.detail}`)
      return body.shapes.every(({ state }) => state === 'ready')
    })
  }

  async stop(): Promise<Ended> {
    return this.#end('SIGTERM')
  }
  async kill(): Promise<Ended> {
    return this.#end('SIGKILL')
  }

  /** Its machines, its process and all it keeps on the host; rejects when something is left even so. */
  async remove(): Promise<void> {
    if (this.#client && this.#child?.exitCode === null && this.#child.signalCode === null) {
      const machines = await this.client.list()
      await Promise.all(machines.map(({ id }) => this.client.destroy(id)))
      await this.stop()
    } else await this.kill()
    const place = this.#place ?? this.#readPlace()
    await clearPlace(place)
    const left = await tracesOfDaemon(place)
    if (left.length > 0) throw new Error(`left on the host by daemon ${this.#options.name}:\n${left.join('\n')}`)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }

  /** Log, database and the hypervisors' own logs, for whoever has to find out why. */
  keepEvidence(): string {
    const dir = join(ARTIFACTS, this.#options.name)
    mkdirSync(dir, { recursive: true })
    const copy = (from: string, to: string): void => {
      try {
        cpSync(from, join(dir, to))
      } catch {
        // It is not there: then it is no evidence.
      }
    }
    copy(this.logFile, 'daemon.log')
    for (const suffix of ['', '-wal', '-shm']) copy(join(this.dataDir, `nullspace.db${suffix}`), `nullspace.db${suffix}`)
    for (const { name, dir: runDir } of this.#place ? hypervisors(this.#place) : []) copy(join(runDir, 'log'), `${name}.log`)
    return dir
  }

  /** Nothing of the caller's settings reaches the daemon. */
  #environment(): Record<string, string> {
    const own = Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('NULLSPACE_'),
    )
    return {
      ...Object.fromEntries(own),
      NULLSPACE_IMAGE_DIR: imageDir(),
      NULLSPACE_DATA_DIR: this.dataDir,
      NULLSPACE_PORT: '0',
      NULLSPACE_CLIENT_CONFIG: '',
      NULLSPACE_POOL_GB: '20',
      NULLSPACE_SPARE_SLOTS: String(this.spareSlots),
      ...(this.#options.shapes ? { NULLSPACE_SHAPES: JSON.stringify(this.#options.shapes) } : {}),
      ...this.#options.env,
    }
  }

  #readPlace(): Place {
    const [first = ''] = readFileSync(this.logFile, 'utf8').split('\n')
    const { config } = JSON.parse(first) as { config: Place }
    return { dataDir: this.dataDir, instance: config.instance, runRoot: config.runRoot, uidBase: config.uidBase, gid: config.gid }
  }

  async #end(signal: NodeJS.Signals): Promise<Ended> {
    const child = this.#child
    if (!child) return { code: null, signal: null }
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const late = AbortSignal.timeout(STOP_TIMEOUT_MS)
    const hung = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(new Error(`the daemon did not end on ${signal}`))),
    )
    return Promise.race([this.#ended, hung])
  }

  async #wait<T>(what: string, withinMs: number, look: () => Promise<T | false>): Promise<T> {
    const child = this.#child
    const deadline = performance.now() + withinMs
    let last: unknown = 'nothing yet'
    while (performance.now() < deadline) {
      if (child && (child.exitCode !== null || child.signalCode !== null)) last = new Hopeless('the daemon ended')
      else last = await look().catch((error: unknown) => error)
      if (last instanceof Hopeless) break
      if (last !== false && !(last instanceof Error)) return last as T
      await sleep(25)
    }
    throw new Error(`${what}: it did not come to that (${String(last)}); evidence is in ${this.keepEvidence()}\n${this.#lastWords()}`)
  }

  #lastWords(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
  }
}

/** Waiting longer would not help. */
class Hopeless extends Error {}

function imageDir(): string {
  const dir = process.env['NULLSPACE_TEST_IMAGES']
  if (!dir)
    throw new Error(
      'NULLSPACE_TEST_IMAGES is not set: the directory of a guest image, as images/build.sh leaves it; npm test builds one and sets it',
    )
  return dir
}
