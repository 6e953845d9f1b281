// Building a shape's golden snapshot: the one cold boot it will ever have. The guest is brought to where a first
// command finds everything warm in its page cache, made quiet, and sealed.

import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, chown, open, rename, rm, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Driver, DriverInfo, Vm } from '@nullspace/vmm/driver.ts'
import type { Shape } from '../../domain/machine.ts'
import { Op } from '../../observe/op.ts'
import { GuestClient } from '../guest/client.ts'
import { changeMark, type GoldenFiles, goldenFiles } from './golden.ts'
import type { GuestImage } from './image.ts'
import { newManifest } from './manifest.ts'

export interface BuildGolden {
  readonly driver: Driver
  readonly info: DriverInfo
  readonly image: GuestImage
  /** The image's root filesystem on the pool, raw. */
  readonly base: string
  readonly shape: Shape
  /** Where the finished snapshot goes; must not exist. */
  readonly dir: string
  /** For sockets while it is built. */
  readonly runDir: string
  readonly uid: number
  readonly gid: number
  readonly writtenBy: string
}

/** Measured: after some seconds of idling a restored guest answers with a fifth less code to translate. */
const SETTLE_MS = 4_000
const CLEAN_UP_MS = 15_000

/** Run in the golden guest so that a machine's first such command reads nothing from disk. */
const WARM_UP: readonly (readonly string[])[] = [
  ['/bin/sh', '-c', 'true'],
  ['/bin/bash', '-lc', 'true'],
  ['/usr/bin/python3', '--version'],
  ['/bin/sh', '-c', 'true'],
  ['/bin/sync'],
]

export async function buildGolden(op: Op, build: BuildGolden): Promise<GoldenFiles> {
  const { driver, shape } = build
  const work = goldenFiles(`${build.dir}.building-${randomUUID().slice(0, 8)}`)
  await mkdir(work.dir, { recursive: true, mode: 0o750 })
  let vm: Vm | undefined
  try {
    await createMemoryFile(work.memory, shape.memoryMb, build.uid)
    await build.driver.createLayer(op, { base: build.base, baseFormat: 'raw', to: work.disk })
    if (isRoot()) {
      await chown(work.dir, 0, build.gid)
      await chown(work.disk, build.uid, build.gid)
    }
    op.log(`booting ${shape.vcpus}x${shape.memoryMb}`)
    vm = await driver.boot(op, {
      id: `golden-${randomUUID().slice(0, 8)}`,
      dir: build.runDir,
      uid: build.uid,
      gid: build.gid,
      vcpus: shape.vcpus,
      memoryMb: shape.memoryMb,
      disk: work.disk,
      backing: [{ file: build.base, format: 'raw' }],
      network: null,
      kernel: build.image.kernel,
      initramfs: build.image.initramfs,
      memoryFile: work.memory,
    })
    await settle(op, vm, build)
    op.log('sealing')
    await vm.seal(op, work.state)
    await finish(op, build, work)
    op.log('sealed')
    return goldenFiles(build.dir)
  } catch (error) {
    using cleanUp = new Op('remove a failed build', { timeoutMs: CLEAN_UP_MS })
    await vm?.kill(cleanUp).catch(() => {})
    await rm(work.dir, { recursive: true, force: true })
    throw error
  }
}

/** Waits for the agent, warms the guest, and leaves it with nothing half-written and nothing half-sent. */
async function settle(op: Op, vm: Vm, { info }: BuildGolden): Promise<void> {
  const guest = new GuestClient((connectOp) => vm.connect(connectOp))
  const gone = vm.exited.then(({ reason }) => Promise.reject(new Error(`The guest did not come up: ${reason}`)))
  gone.catch(() => {})
  const work = async (): Promise<void> => {
    await guest.renew(op, { kind: 'new', machineId: new Uint8Array(16), seed: randomBytes(64), hostname: 'golden', disconnect: false })
    op.log('the agent answers')
    for (const argv of WARM_UP) {
      const { exitCode, stderr } = await guest.exec(op, { argv, env: {}, cwd: '/', user: '', timeoutMs: 60_000, outputLimit: 65_536 })
      if (exitCode !== 0)
        throw new Error(`${argv.join(' ')} ended with ${exitCode} in the golden guest: ${stderr.toString().slice(0, 200)}`)
    }
    // What the boot left to do later (timers, work queues) would be done, and translated, in every machine made from this.
    if (info.features.accelerator === 'tcg') await op.race(sleep(SETTLE_MS))
    await guest.quiesce(op)
  }
  try {
    await Promise.race([work(), gone])
  } finally {
    guest.close()
  }
}

/** Everything on disk and readable for the machines to come, then the rename that makes it real. */
async function finish(op: Op, build: BuildGolden, work: GoldenFiles): Promise<void> {
  // The blank layer names its backing file by the path it will have, so it is made against the final name.
  await build.driver.createLayer(op, { base: goldenFiles(build.dir).disk, baseFormat: 'layer', to: work.blank, sizeFrom: work.disk })
  if (isRoot()) {
    await chown(work.blank, 0, build.gid)
    await chmod(work.blank, 0o640)
    await chown(work.dir, 0, build.gid)
  }
  await syncFile(work.blank)
  const mark = await changeMark(work.memory)
  if (!mark) throw new Error('the memory file vanished')
  const manifest = newManifest({
    written_by: build.writtenBy,
    template: build.shape.template,
    vcpus: build.shape.vcpus,
    memory_mb: build.shape.memoryMb,
    image: build.image.hash,
    compatibility: { ...build.info.compatibility },
    ...mark,
  })
  await writeFile(work.manifest, `${JSON.stringify(manifest, null, 2)}\n`)
  await syncFile(work.manifest)
  await syncFile(work.dir)
  await rename(work.dir, build.dir)
  await syncFile(dirname(build.dir))
}

async function createMemoryFile(path: string, memoryMb: number, uid: number): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.truncate(memoryMb * 1024 * 1024)
    if (isRoot()) await file.chown(uid, uid)
  } finally {
    await file.close()
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

const isRoot = (): boolean => process.getuid?.() === 0
