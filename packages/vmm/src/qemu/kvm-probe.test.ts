import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { probeFirmware } from './kvm-probe-guest.ts'
import { probeKvm, type KvmVerdict } from './kvm-probe.ts'

let stateDir: string
let device: string

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'kvm-'))
  device = join(stateDir, 'device')
  await writeFile(device, '')
  await chmod(device, 0o666)
})
afterEach(() => rm(stateDir, { recursive: true }))

/** Probes with a script in QEMU's place. */
async function probe(script: string): Promise<KvmVerdict> {
  const binary = join(stateDir, 'qemu')
  await writeFile(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  using op = new Op('probe', { timeoutMs: 10_000 })
  return probeKvm(op, { binary, stateDir, device, patienceSeconds: 0.3 })
}

test('a guest that gets through is a yes, and is not asked again', async () => {
  expect(await probe('exit 85')).toEqual({ usable: true, reason: 'A probe guest ran under KVM' })
  expect(await probe('exit 1')).toMatchObject({ usable: true })
  expect(await readdir(stateDir)).not.toContain('kvm-probe.bin')
})

test('a guest that gets nowhere is a no within the deadline', async () => {
  expect(await probe('exec sleep 60')).toEqual({
    usable: false,
    reason: 'A probe guest under KVM got nowhere in 0.3 s: guests are emulated',
  })
})

test('a QEMU that ends is a no with its words', async () => {
  expect(await probe('echo "failed to set MSR" >&2; kill -ABRT $$')).toEqual({
    usable: false,
    reason: 'QEMU cannot run a guest under KVM: failed to set MSR',
  })
})

test('no device, no probe', async () => {
  await rm(device)
  expect(await probe('exit 85')).toMatchObject({ usable: false })
  expect(await readdir(stateDir)).not.toContain('kvm-verdict.json')
})

test.runIf(process.getuid?.() === 0)('a device for root only is none for VMs', async () => {
  await chmod(device, 0o600)
  expect(await probe('exit 85')).toMatchObject({ usable: false, reason: expect.stringContaining('only root may open') })
})

test('the probe guest fills its firmware and starts at its end', () => {
  const image = probeFirmware()
  expect(image.length).toBe(65536)
  expect(image.subarray(-16, -11).toString('hex')).toBe('ea000000f0')
  expect(image.subarray(0xa0, 0xa6).toString('hex')).toBe('0f0090000f00')
})
