// A daemon of the bench's own, on a data directory that goes away with it.

import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, type ProcessId } from '@nullspace/vmm/qemu/process.ts'
import { inRepo } from '../../tools/lib/repo.ts'
import { Api, type HostStatus } from './api.ts'
import { program } from './program.ts'

export interface Daemon extends AsyncDisposable {
  readonly api: Api
  /** Directory of its VMs' sockets. */
  readonly runRoot: string
  /** Directory of its snapshots' directories. */
  readonly snapshots: string
  readonly url: string
  readonly key: string
  readonly process: ProcessId
  readonly status: HostStatus
}

const READY_MS = 10 * 60_000
const STOP_MS = 60_000
/** The host is to say what it can hold, not a setting. */
const UNBOUNDED = JSON.stringify({ machines: null, vcpus: null, memory_mb: null, snapshots: null, disk_mb: null })

export interface DaemonOptions {
  /** Where it may make its own directories. */
  readonly dir: string
  readonly imageDir: string
  /** Spare machines that it holds ready. */
  readonly spares: number
  /** Sizes with one vCPU that have their golden snapshot when it is ready, MiB. */
  readonly memoriesMb?: readonly number[]
  readonly say: (line: string) => void
}

export async function startDaemon({ dir, imageDir, spares, memoriesMb = [256], say }: DaemonOptions): Promise<Daemon> {
  const dataDir = join(dir, `d${spares}`)
  const log = join(dir, `d${spares}.log`)
  const fd = openSync(log, 'w')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', inRepo('packages/server/src/main.ts'), 'serve'], {
    stdio: ['ignore', fd, fd],
    // A Ctrl-C is for us; we end it when its machines are gone.
    detached: true,
    env: {
      NULLSPACE_POOL_GB: '20',
      NULLSPACE_SHAPES: JSON.stringify(memoriesMb.map((memory_mb) => ({ vcpus: 1, memory_mb }))),
      NULLSPACE_QUOTA: UNBOUNDED,
      ...process.env,
      NULLSPACE_IMAGE_DIR: imageDir,
      NULLSPACE_DATA_DIR: dataDir,
      NULLSPACE_PORT: '0',
      NULLSPACE_CLIENT_CONFIG: '',
      NULLSPACE_SPARE_MACHINES: String(spares),
    },
  })
  closeSync(fd)
  let api: Api | null = null
  const stop = async (): Promise<void> => {
    await destroyAll(api).catch((error: unknown) => say(`machines are left: ${String(error)}`))
    api?.close()
    await end(child)
    await removeTraces(dataDir)
  }
  try {
    say(`waiting for a daemon with ${spares} spares, and its golden snapshot`)
    const { url, key } = await connect(dataDir, child)
    api = new Api(url, key)
    const status = await shapesReady(api, child)
    const runRoot = `/run/nullspace-${instanceOf(dataDir)}`
    const found = identify(child.pid ?? 0)
    if (!found) throw new Error('it ended')
    return { api, runRoot, snapshots: join(dataDir, 'pool/snapshots'), url, key, process: found, status, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    const words = (await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-15).join('\n')
    throw new Error(`the daemon did not come up: ${error instanceof Error ? error.message : String(error)}\n${words}`, { cause: error })
  }
}

/** It writes its key before its address, so who sees the one finds the other. */
async function connect(dataDir: string, child: ChildProcess): Promise<{ url: string; key: string }> {
  for (const until = performance.now() + READY_MS; performance.now() < until; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const record = await readFile(join(dataDir, 'daemon.json'), 'utf8').catch(() => null)
    if (record === null) continue
    const key = await readFile(join(dataDir, 'operator-api-key'), 'utf8')
    return { url: (JSON.parse(record) as { url: string }).url, key: key.trim() }
  }
  throw new Error(`no address after ${READY_MS / 1000} s`)
}

async function shapesReady(api: Api, child: ChildProcess): Promise<HostStatus> {
  for (const until = performance.now() + READY_MS; performance.now() < until; await sleep(500)) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const status = await api.status()
    const failed = status.shapes.find(({ state }) => state === 'failed')
    if (failed) throw new Error(`the golden snapshot could not be built: ${failed.detail}`)
    if (status.shapes.every(({ state }) => state === 'ready')) return status
  }
  throw new Error(`no golden snapshot after ${READY_MS / 1000} s`)
}

async function destroyAll(api: Api | null): Promise<void> {
  if (!api) return
  for (const id of await api.listMachines()) await api.destroyMachine(id)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const late = await Promise.race([ended.then(() => false), sleep(STOP_MS, true, { ref: false })])
  if (late) child.kill('SIGKILL')
  await ended
}

/** What a daemon keeps for its next start. Its names carry the instance, which follows from the data directory. */
async function removeTraces(dataDir: string): Promise<void> {
  const instance = instanceOf(dataDir)
  const block = await readFile(join(dataDir, 'network.json'), 'utf8').then(
    (text) => (JSON.parse(text) as { block: string }).block,
    () => null,
  )
  // Each may be there or not.
  await program('umount', [join(dataDir, 'pool')])
  await program('nft', ['delete', 'table', 'inet', `nullspace_${instance}`])
  if (block !== null) await program('ip', ['route', 'del', 'unreachable', block, 'proto', '178'])
  await rm(`/run/nullspace-${instance}`, { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true })
}

const instanceOf = (dataDir: string): string => createHash('sha256').update(dataDir).digest('hex').slice(0, 4)
