import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeDriver } from '../exam/describe-driver.ts'
import { fake } from './driver.ts'
import { fakeWorld } from './fake-world.ts'

describeDriver('fake', async () => {
  const root = await mkdtemp(join(tmpdir(), 'nsf-'))
  const images = await mkdtemp(join(tmpdir(), 'nsf-images-'))
  const world = fakeWorld()
  await writeFile(join(images, 'kernel'), '')
  await writeFile(join(images, 'initramfs'), '')
  await writeFile(join(images, 'rootfs'), '')
  return {
    root,
    driver: () => fake({ world }),
    kernel: join(images, 'kernel'),
    initramfs: join(images, 'initramfs'),
    rootLayer: { file: join(images, 'rootfs'), format: 'raw' },
    makeDisk: (path) => writeFile(path, ''),
    leftovers: () => Promise.resolve([...world.vms.keys()]),
    diskSize: (vm) => Promise.resolve(world.vms.get(vm.handle.id)?.diskBytes ?? 0),
    startCounting: () => Promise.resolve(),
    count: async (guest) => Number((await guest.exec(['counter'])).stdout),
    crash: (vm) => Promise.resolve(world.crash(vm.handle.id)),
    memoryMb: 64,
    bootMs: 2000,
    guestMs: 5000,
    async close() {
      await rm(root, { recursive: true })
      await rm(images, { recursive: true })
    },
  }
})
