// A machine without a snapshot: the image's kernel and root filesystem, booted through the driver, with its agent.

import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver, Vm } from '@nullspace/vmm/driver.ts'
import { greet, newIdentity, type Guest } from '@nullspace/vmm/exam/guest.ts'
import { Op } from '@nullspace/vmm/op.ts'
import { NO_PROGRAM } from './api.ts'
import { program } from './program.ts'

export interface ColdMachine extends AsyncDisposable {
  readonly guest: Guest
  /** From the start of the boot to the end of its first `sh -c true`; ms. */
  readonly ms: number
}

const TRUE = ['/bin/sh', '-c', 'true']
const BOOT_MS = 120_000
/** Of no daemon: those take theirs from 0x71000000 on. */
const UID = 0x70ffff00

let count = 0

/** Its files are made before the clock starts, unlike those of the machine it is compared with. */
export async function bootCold(driver: Driver, { dir, imageDir }: { dir: string; imageDir: string }): Promise<ColdMachine> {
  const id = `bench-cold-${++count}`
  const files = join(dir, id)
  await mkdir(files, { mode: 0o711 })
  const disk = join(files, 'disk.qcow2')
  const memoryFile = join(files, 'memory')
  const made = await program('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', join(imageDir, 'rootfs.ext4'), disk])
  if (!made.ok) throw new Error(made.why)
  const file = await open(memoryFile, 'wx')
  await file.truncate(256 * 1024 * 1024).finally(() => file.close())
  const op = new Op(id, { timeoutMs: BOOT_MS })
  let vm: Vm | undefined
  const close = async (): Promise<void> => {
    using cleanUp = new Op(`remove ${id}`, { timeoutMs: 15_000 })
    await vm?.kill(cleanUp)
    await rm(files, { recursive: true, force: true })
    op[Symbol.dispose]()
  }
  try {
    const startedAt = performance.now()
    vm = await driver.boot(op, {
      id,
      dir: join(files, 'v'),
      uid: UID,
      gid: UID,
      vcpus: 1,
      memoryMb: 256,
      disk,
      backing: [{ file: join(imageDir, 'rootfs.ext4'), format: 'raw' }],
      network: null,
      kernel: join(imageDir, 'vmlinuz'),
      initramfs: join(imageDir, 'initramfs.gz'),
      memoryFile,
    })
    const guest = await greet(await vm.connect(op), { renew: newIdentity('cold'), withinMs: op.remainingMs })
    await agentTrue(guest)
    return { guest, ms: performance.now() - startedAt, [Symbol.asyncDispose]: close }
  } catch (error) {
    const words = vm?.diagnosis() ?? ''
    await close()
    throw new Error(`cold boot: ${error instanceof Error ? error.message : String(error)} ${words}`, { cause: error })
  }
}

export async function agentTrue(guest: Guest): Promise<void> {
  const { exit, failed } = await guest.exec(TRUE)
  if (exit?.exitCode !== 0) throw new Error(`sh -c true ended with ${exit?.exitCode ?? failed?.message}`)
}

export async function agentNothing(guest: Guest): Promise<void> {
  const { failed } = await guest.exec([NO_PROGRAM])
  if (failed?.reason !== 'program_not_found') throw new Error(`${NO_PROGRAM} should not be there`)
}
