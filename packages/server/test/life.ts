// One life of a daemon in a test. When it ends, nothing that was begun in it gets on: what waits for the host waits for
// ever, as it would for a process that was killed. Its steps can also be made to fail, or to wait.

import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostRoom } from '../src/domain/admission.ts'
import type { Host, Staging } from '../src/host/host.ts'
import type { StoragePool } from '../src/host/storage/storage.ts'
import type { FaultPoint, Faults } from '@nullspace/vmm/fake/faults.ts'

/** Runs before the step of the host that it is named for, or before a clone in its pool. */
export type HostFaults = { [Step in keyof Host | keyof Staging | 'clone']?: (...args: readonly string[]) => Promise<void> }

/** What a host says of itself without looking; the dead may ask as well. */
const SAYS_AT_ONCE: ReadonlySet<string | symbol> = new Set<keyof Host>([
  'facts',
  'templates',
  'shapeStatus',
  'guest',
  'held',
  'spares',
  'onVmExit',
])
const never = <T>(): Promise<T> => new Promise(() => {})

/**
 * As a pool copies, without starting a program each time: files of the fake have their bytes at the begin, and holes after
 * them.
 */
async function copyFakes(from: string, to: string): Promise<void> {
  await using source = await open(from, 'r')
  const { size, blocks, mode } = await source.stat()
  const bytes = Buffer.alloc(Math.min(size, blocks * 512))
  await source.read(bytes, 0, bytes.length, 0)
  await using copy = await open(to, 'wx', mode & 0o777)
  await copy.write(bytes, 0, bytes.length, 0)
  await copy.truncate(size)
}

export class Life {
  readonly #underWay = new Set<Promise<unknown>>()
  #over = false

  get over(): boolean {
    return this.#over
  }

  /** The end. Resolves when what had reached the disk or a VM is through with it: a new life begins on what that left. */
  async end(): Promise<void> {
    this.#over = true
    // What waits for a fault that never ends is not waited for.
    await Promise.race([Promise.allSettled(this.#underWay), sleep(50)])
  }

  /** `work` as far as this life lasts. */
  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.#over) return never()
    const running = work()
    this.#underWay.add(running)
    try {
      return await running.finally(() => (this.#over ? never() : undefined))
    } finally {
      this.#underWay.delete(running)
    }
  }

  faults(faults: Faults): Faults {
    return new Proxy(faults, {
      get: (points, point: FaultPoint) => (this.#over ? () => never() : points[point]),
    })
  }

  pool(pool: StoragePool, faults: HostFaults): StoragePool {
    return {
      ...pool,
      free: () => pool.free(),
      clone: (_op, from, to) =>
        this.within(async () => {
          await faults.clone?.(from, to)
          if (this.#over) return never()
          await copyFakes(from, to)
        }),
    }
  }

  host(host: Host, faults: HostFaults, room: Partial<HostRoom>): Host {
    return new Proxy(host, {
      get: (target, name: keyof Host) => {
        if (name === 'staging') return this.#staging(target.staging, faults)
        const step = Reflect.get(target, name, target) as (...args: unknown[]) => unknown
        if (SAYS_AT_ONCE.has(name)) return step.bind(target)
        return (...args: unknown[]) =>
          this.within(async () => {
            await faults[name]?.(...args.filter((arg) => typeof arg === 'string'))
            const result = await step.apply(target, args)
            return name === 'room' ? { ...(result as HostRoom), ...room } : result
          })
      },
    })
  }

  #staging({ keep, sum, read, drop }: Staging, faults: HostFaults): Staging {
    return {
      read,
      sum: (...args) => this.within(() => sum(...args)),
      keep: (op, uploadId, ...rest) =>
        this.within(async () => {
          await faults.keep?.(uploadId)
          return keep(op, uploadId, ...rest)
        }),
      drop: (uploadId, file) =>
        this.within(async () => {
          await faults.drop?.(uploadId)
          await drop(uploadId, file)
        }),
    }
  }
}
