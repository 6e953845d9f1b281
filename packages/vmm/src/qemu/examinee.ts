// QEMU as the exam takes it: with a guest from the directory that NULLSPACE_TEST_IMAGES names (vmlinuz, initramfs.gz,
// rootfs.ext4), in a place of its own.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Examinee } from '../exam/fixture.ts'
import type { Guest } from '../exam/guest.ts'
import { until } from '../exam/until.ts'
import { qemuDriver } from './driver.ts'
import { findVms, isBelow } from './find.ts'

const run = promisify(execFile)

export const testImages = process.env['NULLSPACE_TEST_IMAGES']

export async function qemuExaminee(images: string): Promise<Examinee> {
  const root = await mkdtemp(join(tmpdir(), 'nsq-'))
  const cgroup = `nullspace-exam-${process.pid}`
  await chmod(root, 0o711)
  return {
    root,
    driver: () => qemuDriver({ stateDir: root, cgroup }),
    kernel: join(images, 'vmlinuz'),
    initramfs: join(images, 'initramfs.gz'),
    rootLayer: { file: join(images, 'rootfs.ext4'), format: 'raw' },
    async makeDisk(path, backing) {
      const [format, file] = backing ? ['qcow2', backing] : ['raw', join(images, 'rootfs.ext4')]
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', format, '-b', file, path])
    },
    leftovers: () => Promise.resolve([...findVms().flatMap((vm) => (isBelow(root, vm.dir) ? [vm.id] : [])), ...groups(cgroup)]),
    diskSize: async (_vm, guest) => Number((await guest.exec(['cat', '/sys/block/vda/size'])).stdout) * 512,
    // Written over, not anew, so that whoever reads it never finds it empty.
    async startCounting(guest) {
      await guest.exec(['sh', '-c', '(i=0; while :; do i=$((i+1)); echo $i 1<> /dev/shm/count; sleep 0.05; done) > /dev/null 2>&1 &'])
      await until(
        () => count(guest),
        (number) => number > 0,
        { what: 'a number' },
      )
    },
    count,
    crash: (vm) => Promise.resolve(void process.kill(vm.handle.pid, 'SIGKILL')),
    memoryMb: 256,
    bootMs: 90_000,
    guestMs: 30_000,
    async close() {
      await rm(root, { recursive: true })
      for (const top of tops(cgroup)) await run('rmdir', [top])
    },
  }
}

const count = async (guest: Guest): Promise<number> => Number((await guest.exec(['cat', '/dev/shm/count'])).stdout)

const tops = (cgroup: string): string[] =>
  ['', 'memory', 'pids'].map((part) => join('/sys/fs/cgroup', part, cgroup)).filter((path) => existsSync(path))

const groups = (cgroup: string): string[] =>
  tops(cgroup).flatMap((top) =>
    readdirSync(top, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(top, entry.name)] : [])),
  )
