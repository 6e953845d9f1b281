// What the exam, and tests of one driver only, start from: a place, a driver, and a golden snapshot to restore.
// After every test nothing may be left of its VMs.

import { constants } from 'node:fs'
import { chmod, chown, copyFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { Op } from '../op.ts'
import type { BootSpec, Captured, CaptureSpec, DiskLayer, Driver, RestoreSpec, Vm } from '../driver.ts'
import { greet, newIdentity, type Guest } from './guest.ts'
import { until } from './until.ts'

/** One kind of driver, made ready for tests. */
export interface Examinee {
  /** A driver as a daemon makes it at its start; the next one finds the VMs of the one before. */
  driver(): Driver
  /** Empty directory, on the same filesystem as everything else of the exam. */
  readonly root: string
  readonly kernel: string
  readonly initramfs: string
  /** The guest's root filesystem, below every disk. */
  readonly rootLayer: DiskLayer
  /** A disk image, over `backing` or over the guest's root filesystem. */
  makeDisk(path: string, backing: string | null): Promise<void>
  /** Processes, control groups and whatever else a driver of this kind may leave, in words. */
  leftovers(): Promise<string[]>
  /** Bytes, as the guest has it. */
  diskSize(vm: Vm, guest: Guest): Promise<number>
  /** From then on count() tells a number that only the guest's memory holds, and that grows as long as the guest lives. */
  startCounting(guest: Guest): Promise<void>
  count(guest: Guest): Promise<number>
  /** Ends the VM from outside, as a crash of the hypervisor would. */
  crash(vm: Vm): Promise<void>
  readonly memoryMb: number
  /** Longest that a cold boot and that anything in a restored guest may take. */
  readonly bootMs: number
  readonly guestMs: number
  close(): Promise<void>
}

/** What a machine is restored from. */
export interface Snapshot {
  readonly memoryFile: string
  readonly memoryAccess: 'shared' | 'private'
  readonly stateFile: string
  readonly disk: string
  readonly backing: readonly DiskLayer[]
}

/** Of a running machine. */
export interface Capture extends Snapshot {
  readonly sumsFile: string
  readonly captured: Captured
}

export interface CaptureOptions {
  readonly afterwards?: CaptureSpec['afterwards']
  /** When everything is copied that can be, before the VM is stopped. */
  readonly prepared?: () => Promise<void>
  readonly whileStopped?: CaptureSpec['whileStopped']
  readonly op?: Op
}

export interface Fixture {
  readonly examinee: Examinee
  readonly driver: Driver
  readonly golden: Snapshot
  path(name: string): string
  op(what: string): Op
  bootSpec(over?: Partial<BootSpec>): Promise<BootSpec>
  /** Boots a guest, lets it run a little and seals it; `look` may examine it first. */
  makeGolden(look?: (guest: Guest, vm: Vm) => Promise<void>): Promise<void>
  /** For a restore of the golden snapshot, or of another. */
  spec(over?: Partial<RestoreSpec>, from?: Snapshot): Promise<RestoreSpec>
  restore(over?: Partial<RestoreSpec>, from?: Snapshot): Promise<Vm>
  /** As the driver's caller does it: copies of its memory file and disk, which nobody else may open. */
  capture(vm: Vm, options?: CaptureOptions): Promise<Capture>
  /** Removes what captures left. */
  removeCaptures(): Promise<void>
  /** With a new identity if a hostname is given; `flush` as after a daemon's death. */
  meet(vm: Vm, options?: { hostname?: string; flush?: boolean }): Promise<Guest>
  /** The daemon dies, the next one starts. */
  nextDaemon(): Promise<void>
}

export function useFixture(makeExaminee: () => Promise<Examinee>): Fixture {
  let examinee: Examinee
  let driver: Driver
  let golden: Snapshot
  let count = 0
  /** What the VMs of this fixture were restored from, by their ids. */
  const specs = new Map<string, RestoreSpec>()
  const path = (name: string): string => join(examinee.root, name)
  const op = (what: string): Op => new Op(what, { timeoutMs: examinee.guestMs })
  const common = () => {
    const id = `vm${++count}`
    const { kernel, initramfs, memoryMb } = examinee
    return { id, dir: path(id), uid: 71_000 + count, gid: 71_000, vcpus: 1, memoryMb, network: null, kernel, initramfs }
  }

  beforeAll(async () => {
    examinee = await makeExaminee()
    driver = examinee.driver()
    const files = { memoryFile: path('memory'), stateFile: path('state'), disk: path('golden.qcow2') }
    golden = { ...files, memoryAccess: 'shared', backing: [examinee.rootLayer] }
  })
  afterEach(async () => {
    for (const id of await driver.list(examinee.root)) await driver.sweep(op('sweep'), { id, dir: path(id) })
    const noneLeft = (left: string[]): boolean => left.length === 0
    await until(() => examinee.leftovers(), noneLeft, { what: 'nothing left' })
    expect((await readdir(examinee.root)).filter((name) => /^vm\d+$/.test(name))).toEqual([])
  })
  afterAll(async () => {
    await driver?.close()
    await examinee?.close()
  })

  const fixture: Fixture = {
    get examinee() {
      return examinee
    },
    get driver() {
      return driver
    },
    get golden() {
      return golden
    },
    path,
    op,
    async bootSpec(over = {}) {
      const spec = common()
      const [disk, memoryFile] = [path(`${spec.id}.qcow2`), path(`${spec.id}.memory`)]
      const made = { ...spec, disk, memoryFile, backing: [examinee.rootLayer], ...over }
      await examinee.makeDisk(made.disk, null)
      await writeFile(made.memoryFile, '')
      await truncate(made.memoryFile, made.memoryMb * 1024 ** 2)
      return made
    },
    async makeGolden(look = () => Promise.resolve()) {
      const boot = new Op('boot', { timeoutMs: examinee.bootMs })
      const vm = await driver.boot(boot, await fixture.bootSpec({ memoryFile: golden.memoryFile, disk: golden.disk }))
      const guest = await greet(await vm.connect(boot), { withinMs: examinee.bootMs }).catch((error: unknown) => {
        throw new Error(`the guest did not come up: ${vm.diagnosis()}`, { cause: error })
      })
      await look(guest, vm)
      await guest.exec(['sync'])
      await guest.quiesce()
      await vm.seal(op('seal'), golden.stateFile)
      await vm.exited
    },
    async spec(over = {}, from = golden) {
      const spec = common()
      const backing: DiskLayer[] = [{ file: from.disk, format: 'layer' }, ...from.backing]
      const { memoryFile, memoryAccess, stateFile } = from
      const made = { ...spec, memoryFile, memoryAccess, stateFile, disk: path(`${spec.id}.qcow2`), backing, ...over }
      if (over.disk === undefined) await examinee.makeDisk(made.disk, from.disk)
      specs.set(made.id, made)
      return made
    },
    restore: async (over = {}, from = golden) => driver.restore(op('restore'), await fixture.spec(over, from)),
    async capture(vm, { afterwards = 'run', prepared, whileStopped, op: capturing = op('capture') } = {}) {
      const source = specs.get(vm.handle.id)
      if (!source) throw new Error(`not restored here: ${vm.handle.id}`)
      const name = `capture${++count}`
      const files = { memoryFile: path(`${name}.memory`), stateFile: path(`${name}.state`), sumsFile: path(`${name}.sums`) }
      const disk = path(`${name}.qcow2`)
      await copyForRoot(source.memoryFile, files.memoryFile)
      await prepared?.()
      const captured = await vm.capture(capturing, {
        ...files,
        afterwards,
        whileStopped: whileStopped ?? (() => copyForRoot(source.disk, disk)),
      })
      return { ...files, memoryAccess: 'private', disk, backing: source.backing, captured }
    },
    async removeCaptures() {
      for (const name of await readdir(examinee.root)) if (name.startsWith('capture')) await rm(path(name))
    },
    async meet(vm, { hostname, flush = false } = {}) {
      const renew = hostname === undefined ? null : newIdentity(hostname)
      return greet(await vm.connect(op('connect')), { renew, withinMs: examinee.guestMs, flush })
    },
    async nextDaemon() {
      await driver.close()
      driver = examinee.driver()
    },
  }
  return fixture
}

async function copyForRoot(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  // Copied along with the contents.
  if (process.getuid?.() === 0) await chown(to, 0, 0)
  await chmod(to, 0o600)
}
