// A world for one test: an in-process daemon on the fake driver, with a real database, a clock that the test moves, and
// a host whose VMs outlive the daemon. The daemon can die at any step, and another one finds what it left.

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { fake } from '@nullspace/vmm/fake/driver.ts'
import { fakeWorld, type FakeWorld } from '@nullspace/vmm/fake/fake-world.ts'
import type { Faults } from '@nullspace/vmm/fake/faults.ts'
import type { Quota } from '@nullspace/contract/quotas.ts'
import type { InjectOptions } from 'fastify'
import { makeKey, type NewKey } from '../src/app/keys.ts'
import { createDaemon, type Daemon } from '../src/compose/daemon.ts'
import { UNLIMITED } from '../src/domain/quota.ts'
import type { HostRoom } from '../src/domain/admission.ts'
import type { Clock } from '../src/domain/clock.ts'
import { assembleHost } from '../src/compose/assemble.ts'
import { createNoNetwork } from '../src/host/network/none.ts'
import type { Network } from '../src/host/network/network.ts'
import type { SocketRules } from '../src/http/ws/socket.ts'
import { silentLogger } from '../src/observe/logger.ts'
import { createMetrics, observeCapture } from '../src/observe/metrics.ts'
import { Op } from '../src/observe/op.ts'
import { type Db, openDb } from '../src/store/db.ts'
import { openOperations } from '../src/store/tables/operations.ts'
import type { StepHooks } from '../src/workflows/engine.ts'
import { type HostFaults, Life } from './life.ts'

export interface Answer {
  readonly status: number
  // A test reads what it expects; the shape is what it is about.
  // oxlint-disable-next-line no-explicit-any
  readonly body: any
  readonly headers: Record<string, unknown>
}

export interface World extends AsyncDisposable {
  readonly vms: FakeWorld
  readonly faults: Faults
  /** Trouble above the driver: by step of the host, and `clone` in its storage pool. */
  readonly hostFaults: HostFaults
  /** What the host says it has, instead of what there is. */
  readonly room: { -readonly [Part in keyof HostRoom]?: number }
  readonly clock: Clock & { step(ms: number): void }
  readonly key: NewKey
  /** Directories of the host. */
  readonly places: { readonly pool: string; readonly run: string }
  readonly db: Db
  daemon: Daemon
  /** A key of another owner. */
  otherOwner(): Promise<NewKey>
  operator(): Promise<NewKey>
  call(
    method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH',
    path: string,
    options?: { body?: unknown; key?: string | null; headers?: Record<string, string> },
  ): Promise<Answer>
  machine(body?: Record<string, unknown>): Promise<{ id: string; status: string }>
  /** What its program `counter` says: one more than the last time, from memory alone. NaN when it does not run. */
  count(id: string): Promise<number>
  /** Opens a port of the daemon that runs now; returns its base URL. */
  listen(): Promise<string>
  /** The daemon is gone from one instant to the next: nothing is undone, nothing flushed. */
  crash(): void
  /** A new daemon on what the last one left; `version` of the hypervisor, if it is another by now. */
  restart(hooks?: StepHooks, version?: string): Promise<void>
  /** What is left on the host and in the journal; empty when nothing is. */
  leftovers(): Promise<string[]>
}

export interface WorldOptions {
  readonly faults?: Faults
  readonly hooks?: StepHooks
  readonly startWidth?: number
  readonly quota?: Quota
  /** Off as in a fresh installation. */
  readonly webhookPrivateTargets?: boolean
  readonly socketRules?: Partial<SocketRules>
  /** Per shape; only 1 vCPU/256 MiB is promised. */
  readonly spareMachines?: number
}

export async function createWorld({
  faults = {},
  hooks,
  startWidth = 4,
  spareMachines = 0,
  quota = UNLIMITED,
  webhookPrivateTargets = false,
  socketRules = {},
}: WorldOptions = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'nsw-'))
  const dataDir = join(dir, 'data')
  const runRoot = join(dir, 'run')
  const vms = fakeWorld()
  const reserved = new Set<number>()
  let now = 1_800_000_000_000
  const clock = { now: () => now, step: (ms: number) => void (now += ms) }
  const network = countingNetwork(reserved)
  const hostFaults: HostFaults = {}
  const room: World['room'] = {}
  let hypervisor = '1.0.0'

  const live = async (stepHooks?: StepHooks): Promise<{ life: Life; daemon: Daemon; db: Db }> => {
    const life = new Life()
    using op = new Op('set up', { timeoutMs: 30_000 })
    const metrics = createMetrics()
    const settings = {
      dataDir,
      runRoot,
      instance: '0000',
      uidBase: 1_900_000_000,
      gid: 1_900_004_095,
      imageDir: '',
      driver: 'fake' as const,
      accelerator: 'auto' as const,
      spareSlots: 0,
      spareMachines,
      promisedShapes: spareMachines > 0 ? [{ template: 'base', vcpus: 1, memoryMb: 256 }] : [],
      poolBytes: null,
      onCapture: observeCapture(metrics),
      log: silentLogger(),
    }
    const assembled = await assembleHost(op, settings, {
      driver: fake({ world: vms, faults: life.faults(faults), version: hypervisor }),
      network: network.fresh(),
      pool: (pool) => life.pool(pool, hostFaults),
    })
    const { checks, setUp } = assembled
    const host = life.host(assembled.host, hostFaults, room)
    const db = await openDb(join(dataDir, 'nullspace.db'))
    await setUp(op)
    const daemon = createDaemon({
      db,
      host,
      checks,
      promisedShapes: [],
      startWidth,
      defaultQuota: quota,
      eventsKeptDays: 30,
      metricsEveryMs: 5_000,
      webhookPrivateTargets,
      socketRules,
      metrics,
      log: silentLogger(),
      clock,
      ...(stepHooks ? { hooks: stepHooks } : {}),
    })
    await daemon.start()
    return { life, daemon, db }
  }

  let { life, daemon, db } = await live(hooks)
  const random = (bytes: number): Uint8Array => randomBytes(bytes)
  const key = await makeKey({ db, random, now }, { owner: 'alice', name: null, scope: 'user' })
  const ports = new WeakMap<Daemon, Promise<string>>()
  const world: World = {
    vms,
    faults,
    hostFaults,
    room,
    clock,
    key,
    places: { pool: join(dataDir, 'pool'), run: runRoot },
    get db() {
      return db
    },
    get daemon() {
      return daemon
    },
    set daemon(next) {
      daemon = next
    },
    otherOwner: () => makeKey({ db, random, now }, { owner: 'mallory', name: null, scope: 'user' }),
    operator: () => makeKey({ db, random, now }, { owner: 'operator', name: null, scope: 'operator' }),
    async call(method, path, { body, key: bearer = key.key, headers = {} } = {}) {
      const request: InjectOptions = {
        method,
        url: path,
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      }
      const answer = await daemon.http.inject(request)
      return { status: answer.statusCode, body: answer.body === '' ? null : JSON.parse(answer.body), headers: answer.headers }
    },
    async machine(body = {}) {
      const answer = await world.call('POST', '/v1/machines', { body })
      if (answer.status !== 201) throw new Error(`create: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body as { id: string; status: string }
    },
    async count(id) {
      return Number((await world.call('POST', `/v1/machines/${id}/exec`, { body: { command: 'counter' } })).body.stdout)
    },
    listen() {
      const open = ports.get(daemon) ?? daemon.http.listen({ host: '127.0.0.1', port: 0 })
      ports.set(daemon, open)
      return open
    },
    crash() {
      void life.end()
      void daemon.stop().catch(() => {})
      // What it had written and not committed is lost, and it writes no more.
      void db.destroy()
    },
    async restart(next, version) {
      if (!life.over) world.crash()
      await life.end()
      void daemon.http.close()
      hypervisor = version ?? hypervisor
      ;({ life, daemon, db } = await live(next))
    },
    async leftovers() {
      const left = [...vms.vms.keys()].map((id) => `vm ${id}`)
      for (const path of [join(runRoot, 'vm'), join(dataDir, 'pool/machines'), join(dataDir, 'pool/snapshots')]) {
        for (const name of await readdir(path)) left.push(`${path.slice(dir.length + 1)}/${name}`)
      }
      for (const slot of reserved) left.push(`slot ${slot}`)
      for (const { kind, subject } of await openOperations(db)) left.push(`journal ${kind} ${subject}`)
      return left
    },
    async [Symbol.asyncDispose]() {
      if (!life.over) {
        await daemon.stop()
        await daemon.http.close()
        await db.destroy()
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
  return world
}

/** Slots as the host has them: they outlive a daemon, and a new one must find or sweep them. */
function countingNetwork(reserved: Set<number>): { fresh(): Network } {
  return {
    fresh() {
      const inner = createNoNetwork({ uidBase: 1_900_000_000, capacity: 4000 })
      const known = new Set<number>()
      return {
        ...inner,
        async reserve(op, policy) {
          let slot = await inner.reserve(op, policy)
          while (reserved.has(slot.index)) slot = await inner.reserve(op, policy)
          reserved.add(slot.index)
          known.add(slot.index)
          return slot
        },
        async adopt(op, index) {
          if (!reserved.has(index)) return null
          known.add(index)
          return inner.adopt(op, index)
        },
        async release(op, index) {
          await inner.release(op, index)
          reserved.delete(index)
          known.delete(index)
        },
        async sweep() {
          const lost = [...reserved].filter((index) => !known.has(index))
          for (const index of lost) reserved.delete(index)
          return lost
        },
      }
    },
  }
}
