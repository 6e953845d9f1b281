import { copyFile, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { greet, newIdentity } from '../exam/guest.ts'
import { Op } from '../op.ts'
import type { BootSpec } from '../driver.ts'
import { fake, type FakeDriver } from './driver.ts'
import { failAlways, failOnce, hang } from './faults.ts'

let root: string
let spec: BootSpec

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fake-'))
  const path = (name: string): string => join(root, name)
  spec = {
    ...{ id: 'm1', dir: path('m1'), uid: 1, gid: 1, vcpus: 1, memoryMb: 16, network: null, backing: [] },
    ...{ disk: path('disk'), kernel: path('kernel'), initramfs: path('initramfs'), memoryFile: path('memory') },
  }
  for (const file of [spec.disk, spec.kernel, spec.initramfs, spec.memoryFile]) await writeFile(file, '')
  await truncate(spec.memoryFile, 16 * 1024 ** 2)
})
afterEach(() => rm(root, { recursive: true }))

const op = (timeoutMs = 1000): Op => new Op('test', { timeoutMs })
const dirs = async (): Promise<string[]> => (await readdir(root)).filter((name) => name === 'm1')

test('a scripted fault fails the step it is for, as often as it says, and leaves nothing', async () => {
  const driver = fake({ faults: { boot: failOnce('EIO') } })
  await expect(driver.boot(op(), spec)).rejects.toMatchObject({ code: 'EIO' })
  expect([await dirs(), await driver.list(root)]).toEqual([[], []])
  await driver.boot(op(), spec)
  expect(await driver.list(root)).toEqual(['m1'])
})

test('a full host has its own code', async () => {
  await expect(fake({ faults: { boot: failAlways('ENOSPC') } }).boot(op(), spec)).rejects.toMatchObject({ code: 'no_space' })
})

test('a step that hangs ends at the deadline', async () => {
  const driver = fake({ faults: { boot: hang() } })
  await expect(driver.boot(op(20), spec)).rejects.toThrow('test took longer than allowed')
  expect(await driver.list(root)).toEqual([])
})

test('a guest that cannot renew itself says so', async () => {
  const vm = await fake({ faults: { greet: failOnce('EIO') } }).boot(op(), spec)
  const guest = await greet(await vm.connect(op()), { renew: newIdentity('m1'), withinMs: 500 })
  expect(guest.welcome).toMatchObject({ renewed: false, error: 'EIO: scripted fault' })
})

test('a crash ends commands, channel and VM', async () => {
  const driver = fake()
  const vm = await driver.boot(op(), spec)
  const guest = await greet(await vm.connect(op()), { withinMs: 500 })
  const command = guest.exec(['sleep', '60'])
  driver.world.crash('m1')
  await expect(command).rejects.toThrow('the channel closed')
  expect(await vm.exited).toEqual({ reason: 'the fake hypervisor ended with signal SIGSEGV' })
  expect(await driver.adopt(op(), vm.handle)).toBeNull()
})

test('an agent that dies loses its processes and counts its starts', async () => {
  const driver = fake()
  const vm = await driver.boot(op(), spec)
  const before = await greet(await vm.connect(op()), { withinMs: 300 })
  driver.world.restartAgent('m1')
  await expect(before.ping()).rejects.toThrow('no answer from the guest')
  const after = await greet(await vm.connect(op()), { withinMs: 300 })
  expect(after.welcome.agentStarts).toBe(2)
})

test('a full disk holds the VM until it is resumed', async () => {
  const driver = fake()
  const vm = await driver.boot(op(), spec)
  const guest = await greet(await vm.connect(op()), { withinMs: 500 })
  driver.world.fillDisk('m1')
  expect(vm.held).toBe('disk_full')
  const answer = guest.ping()
  await vm.resume(op())
  await answer
  expect(vm.held).toBeNull()
})

test('a snapshot of a guest that is not quiet is refused', async () => {
  const vm = await fake().boot(op(), spec)
  await expect(vm.seal(op(), join(root, 'state'))).rejects.toMatchObject({ code: 'control_failed' })
})

test('snapshots of another version do not fit', async () => {
  const vm = await fake({ version: '1.0.0' }).boot(op(), spec)
  await (await greet(await vm.connect(op()), { withinMs: 500 })).quiesce()
  await vm.seal(op(), join(root, 'state'))
  const newer: FakeDriver = fake({ version: '2.0.0' })
  await expect(newer.restore(op(), { ...spec, memoryAccess: 'shared', stateFile: join(root, 'state') })).rejects.toMatchObject({
    code: 'incompatible_snapshot',
  })
})

test('no command reaches the host', async () => {
  const vm = await fake().boot(op(), spec)
  const guest = await greet(await vm.connect(op()), { withinMs: 500 })
  expect(await guest.exec(['touch', join(root, 'touched')])).toMatchObject({ exit: null, failed: { reason: 'program_not_found' } })
  await guest.exec(['sh', '-c', `echo x > ${join(root, 'written')}`])
  expect(await guest.exec(['sh', '-c', 'nonsense && echo never; echo $? "$HOME" \'$HOME\''])).toMatchObject({
    stdout: '127 /root $HOME\n',
    stderr: 'sh: 1: nonsense: not found\n',
  })
  expect((await readdir(root)).filter((name) => name === 'touched' || name === 'written')).toEqual([])
})

const capture = { memoryFile: 'captured', stateFile: 'captured-state', sumsFile: 'captured-sums' }

/** A VM that was restored, and what a capture of it takes. */
async function restored(driver: FakeDriver) {
  const booted = await driver.boot(op(), spec)
  await (await greet(await booted.connect(op()), { withinMs: 500 })).quiesce()
  await booted.seal(op(), join(root, 'state'))
  const vm = await driver.restore(op(), { ...spec, memoryAccess: 'shared', stateFile: join(root, 'state') })
  const files = Object.fromEntries(Object.entries(capture).map(([key, name]) => [key, join(root, name)])) as typeof capture
  await copyFile(spec.memoryFile, files.memoryFile)
  const guest = await greet(await vm.connect(op()), { withinMs: 500 })
  return { vm, guest, spec: { ...files, whileStopped: () => Promise.resolve(), afterwards: 'run' } as const }
}

test('a capture fails before it stops the VM, or in the middle, and the VM runs on', async () => {
  const driver = fake({ faults: { capture: failOnce('EIO'), captureCopy: failOnce('ENOSPC') } })
  const { vm, guest, spec: wanted } = await restored(driver)
  let stopped = 0
  const whileStopped = (): Promise<void> => Promise.resolve(void stopped++)
  await expect(vm.capture(op(), { ...wanted, whileStopped })).rejects.toMatchObject({ code: 'EIO' })
  expect(stopped).toBe(0)
  await expect(vm.capture(op(), { ...wanted, whileStopped })).rejects.toMatchObject({ code: 'no_space' })
  expect(stopped).toBe(1)
  await guest.ping()
})

test('a VM that its host’s full disk stopped is not captured, and stays stopped', async () => {
  const driver = fake()
  const { vm, guest, spec: wanted } = await restored(driver)
  driver.world.fillDisk('m1')
  await expect(vm.capture(op(), wanted)).rejects.toMatchObject({ code: 'no_space' })
  const answer = guest.ping()
  expect(vm.held).toBe('disk_full')
  await vm.resume(op())
  await answer
  await expect(vm.capture(op(), { ...wanted, whileStopped: () => Promise.resolve(driver.world.fillDisk('m1')) })).rejects.toMatchObject({
    code: 'no_space',
  })
  expect(vm.held).toBe('disk_full')
})

test('a VM that dies in the middle of a capture is gone', async () => {
  const driver = fake()
  const { vm, spec: wanted } = await restored(driver)
  const whileStopped = (): Promise<void> => Promise.resolve(driver.world.crash('m1'))
  await expect(vm.capture(op(), { ...wanted, whileStopped })).rejects.toMatchObject({ code: 'vm_gone' })
})

test('what a guest holds in memory goes on in its copy, and then each counts alone', async () => {
  const driver = fake()
  const { vm, guest, spec: wanted } = await restored(driver)
  const count = async (of: typeof guest): Promise<string> => (await of.exec(['counter'])).stdout
  expect([await count(guest), await count(guest)]).toEqual(['1\n', '2\n'])
  await vm.capture(op(), wanted)
  const { memoryFile, stateFile } = wanted
  const fork = await driver.restore(op(), { ...spec, id: 'm2', dir: join(root, 'm2'), memoryAccess: 'private', memoryFile, stateFile })
  const copy = await greet(await fork.connect(op()), { withinMs: 500 })
  expect([await count(copy), await count(copy), await count(guest)]).toEqual(['3\n', '4\n', '3\n'])
})
