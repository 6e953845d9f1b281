// The life of slots on the real kernel: made ahead, handed out, given back, found again after a crash. Needs root.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { namesOf, type Names } from './addresses.ts'
import { createNetnsNetwork, type NetnsNetwork, type NetnsNetworkOptions } from './netns-network.ts'
import { run } from './run.ts'
import { busyUids, listParts } from './slot.ts'
import { expectNothingLeft, newOp, randomInstance } from './testing/world.ts'

const ONLINE = { internetAccess: true }
const UID_BASE = 720_000
const warnings: string[] = []
const log = { info() {}, warn: (_: object, text: string) => void warnings.push(text) }

describe.skipIf(process.geteuid?.() !== 0)('slots', () => {
  let instance: string
  let names: Names
  let stateDir: string
  beforeEach(async () => {
    instance = randomInstance()
    names = namesOf(instance)
    stateDir = await mkdtemp(join(tmpdir(), 'nullspace network '))
    warnings.length = 0
  })
  afterEach(async () => {
    await open({ spare: 0 }).tearDown(newOp())
    await rm(stateDir, { recursive: true })
    await expectNothingLeft(instance)
  })

  const open = (options: Partial<NetnsNetworkOptions> = {}): NetnsNetwork =>
    createNetnsNetwork({ instance, uidBase: UID_BASE, spare: 2, stateDir, dnsUpstreams: ['198.51.100.53'], log, ...options })
  const started = async (options?: Partial<NetnsNetworkOptions>): Promise<NetnsNetwork> => {
    const network = open(options)
    await network.setUp(newOp())
    return network
  }
  const existing = async (): Promise<number[]> => {
    const { netns, veths } = await listParts(names)
    expect(netns).toEqual(veths)
    return [...netns].toSorted((a, b) => a - b)
  }
  const outOf = (index: number): Promise<string> =>
    run(newOp(), 'ip', ['netns', 'exec', names.netns(index), 'nft', 'list', 'chain', 'inet', 'nullspace', 'out'])

  it('are made ahead up to the number wanted, and handed out without waiting for a program', async () => {
    const network = await started({ spare: 3 })
    await Promise.all([network.refill(newOp()), network.refill(newOp())])
    expect(await existing()).toEqual([0, 1, 2])
    const op = newOp()
    expect(await network.reserve(op, ONLINE)).toMatchObject({ index: 0, uid: UID_BASE, link: { netns: names.netns(0), tap: 'tap0' } })
    expect(op.lines).toEqual([])
    await network.refill(newOp())
    expect(await existing()).toEqual([0, 1, 2, 3])
  })

  it('are made on the spot when there is no spare, each with its policy', async () => {
    const network = await started({ spare: 0 })
    const [a, b] = await Promise.all([network.reserve(newOp(), ONLINE), network.reserve(newOp(), { internetAccess: false })])
    expect(new Set([a.index, b.index, a.uid, b.uid, a.address, b.address]).size).toBe(6)
    expect(await outOf(a.index)).toContain('accept')
    expect(await outOf(b.index)).not.toContain('accept')
  })

  it('change policy in one step when taken without internet access', async () => {
    const network = await started()
    const slot = await network.reserve(newOp(), { internetAccess: false })
    expect(await outOf(slot.index)).not.toContain('accept')
  })

  it('are not handed out when the policy could not be put in force', async () => {
    const network = await started({ spare: 1 })
    await run(newOp(), 'ip', ['netns', 'exec', names.netns(0), 'nft', 'flush', 'ruleset'])
    await expect(network.reserve(newOp(), { internetAccess: false })).rejects.toThrow(/No such file or directory/)
    expect(await existing()).toEqual([])
  })

  it('give their index back last, and twice is once', async () => {
    const network = await started({ spare: 0, addressBlock: '203.0.113.240/29' })
    const first = await network.reserve(newOp(), ONLINE)
    await Promise.all([network.release(newOp(), first.index), network.release(newOp(), first.index)])
    await network.release(newOp(), first.index)
    await network.release(newOp(), 99_999)
    expect(await existing()).toEqual([])
    const rest = []
    for (let n = 0; n < 4; n++) rest.push((await network.reserve(newOp(), ONLINE)).index)
    expect(rest.at(-1)).toBe(first.index)
    await expect(network.reserve(newOp(), ONLINE)).rejects.toMatchObject({
      name: 'NoFreeSlotError',
      message: 'no network slot is free: 203.0.113.240/29 holds 4',
    })
  })

  it('do not come back while a process of the machine before lives on', async () => {
    const network = await started({ spare: 0, addressBlock: '203.0.113.252/30' })
    const slot = await network.reserve(newOp(), ONLINE)
    const straggler = spawn('sleep', ['60'], { uid: slot.uid, stdio: 'ignore' })
    await until(async () => (await busyUids(UID_BASE, 10)).has(slot.uid))
    await network.release(newOp(), slot.index)
    const next = await network.reserve(newOp(), ONLINE)
    await expect(network.reserve(newOp(), ONLINE)).rejects.toThrow('no network slot is free')
    straggler.kill('SIGKILL')
    await until(async () => !(await busyUids(UID_BASE, 10)).has(slot.uid))
    expect((await network.reserve(newOp(), ONLINE)).index).not.toBe(next.index)
  })

  it('are adopted by the next daemon, and only those survive its sweep', async () => {
    const before = await started()
    const kept = await before.reserve(newOp(), ONLINE)
    const lost = await before.reserve(newOp(), ONLINE)
    await before.refill(newOp())
    const after = await started({ dnsUpstreams: ['198.51.100.54'] })
    const made = (await existing()).length
    expect(await after.adopt(newOp(), kept.index)).toEqual(kept)
    expect(
      await run(newOp(), 'ip', ['netns', 'exec', names.netns(kept.index), 'nft', 'list', 'chain', 'inet', 'nullspace', 'dns']),
    ).toContain('198.51.100.54')
    const swept = await after.sweep(newOp())
    expect(swept).toContain(lost.index)
    expect(swept).toHaveLength(made - 2)
    expect(await after.sweep(newOp())).toEqual([])
    expect(await after.adopt(newOp(), lost.index)).toBeNull()
    await after.close()
    expect(await existing()).toEqual([kept.index])
  })

  it('may all be in use when the daemon starts', async () => {
    const before = await started({ spare: 0, addressBlock: '203.0.113.252/30' })
    const taken = [await before.reserve(newOp(), ONLINE), await before.reserve(newOp(), ONLINE)]
    const after = await started({ addressBlock: '203.0.113.252/30' })
    for (const slot of taken) expect(await after.adopt(newOp(), slot.index)).toEqual(slot)
    await expect(after.reserve(newOp(), ONLINE)).rejects.toThrow('no network slot is free')
  })

  it('of another instance are left alone', async () => {
    const other = createNetnsNetwork({
      instance: `${instance.slice(0, 3)}${instance.endsWith('0') ? '1' : '0'}`,
      uidBase: 730_000,
      spare: 1,
      stateDir: join(stateDir, 'other'),
      log,
    })
    await other.setUp(newOp())
    const network = await started({ spare: 0 })
    expect(await network.sweep(newOp())).toEqual([])
    expect((await other.reserve(newOp(), ONLINE)).address).not.toBe((await network.reserve(newOp(), ONLINE)).address)
    await other.tearDown(newOp())
  })

  it('keep their addresses over restarts, and while machines live also against the configuration', async () => {
    const first = await (await started()).reserve(newOp(), ONLINE)
    const moved = await started({ addressBlock: '203.0.113.240/28' })
    expect(await moved.adopt(newOp(), first.index)).toEqual(first)
    expect(warnings).toEqual(['machines still live in the old address block; the new one is taken when none does'])
    await moved.release(newOp(), first.index)
    await moved.sweep(newOp())
    await moved.close()
    expect((await (await started({ addressBlock: '203.0.113.240/28' })).reserve(newOp(), ONLINE)).address).toBe('203.0.113.241')
  })

  it('half made are found by name, whichever half it is', async () => {
    const network = await started({ spare: 0 })
    await run(newOp(), 'ip', ['netns', 'add', names.netns(5)])
    await run(newOp(), 'ip', ['link', 'add', names.veth(6), 'type', 'veth', 'peer', 'name', `nvp${instance}`])
    await run(newOp(), 'ip', ['netns', 'add', names.netns(2047)])
    expect(await network.sweep(newOp())).toEqual([5, 6, 2047])
    expect(await existing()).toEqual([])
  })

  it('whose making is cut off at any moment leave nothing', async () => {
    const network = await started({ spare: 0 })
    for (let timeoutMs = 1; timeoutMs < 80; timeoutMs += 6) {
      const slot = await network.reserve(newOp(timeoutMs), ONLINE).catch(() => null)
      if (slot) await network.release(newOp(), slot.index)
      expect(await existing(), `cut off after ${timeoutMs} ms`).toEqual([])
    }
    expect(warnings).toEqual([])
  })

  it('of a daemon that was killed while it made them are swept', async () => {
    await (await started({ spare: 0 })).close()
    const script = `
      import { createNetnsNetwork } from ${JSON.stringify(join(import.meta.dirname, 'netns-network.ts'))}
      import { Op } from ${JSON.stringify(join(import.meta.dirname, '../../observe/op.ts'))}
      const network = createNetnsNetwork({ ...${JSON.stringify({ instance, uidBase: UID_BASE, spare: 50, stateDir })}, log: { info() {}, warn() {} } })
      const op = new Op('child', { timeoutMs: 60_000 })
      await network.setUp(op)
      await network.refill(op)`
    const daemon = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], { stdio: ['ignore', 'ignore', 'inherit'] })
    await until(async () => (await listParts(names)).netns.size >= 3)
    daemon.kill('SIGKILL')
    const network = await started({ spare: 0 })
    // The ip command that the daemon had just begun may outlive it by a moment.
    await until(async () => (await network.sweep(newOp())).length === 0 && (await existing()).length === 0)
    expect((await network.reserve(newOp(), ONLINE)).index).toBeTypeOf('number')
  })
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const op = newOp(10_000)
  while (!(await isSo())) await op.race(new Promise((resolve) => setTimeout(resolve, 10)))
}
