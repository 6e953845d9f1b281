// What is made of what guest and host say, and of their silence.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Machine } from '../domain/machine.ts'
import { type Guest, GuestFailure, type GuestStat } from '../host/guest/guest.ts'
import type { HostUsage } from '../host/host.ts'
import { UsageLog } from './usage.ts'

const GIB = 1024 ** 3
const machine = { id: 'mch_a', shape: { template: 'base', vcpus: 2, memoryMb: 512 }, diskMb: 1024 } as unknown as Machine

let now: number
let stat: () => Promise<GuestStat>
let figures: HostUsage | null
let asked: number
let log: UsageLog
/** What changes while a first sample waits for its window. */
let meanwhile: () => void

const ticks = (total: number, idle: number): GuestStat => ({
  cpuTotalTicks: total,
  cpuIdleTicks: idle,
  cpuCount: 2,
  memTotalBytes: 1000,
  memAvailableBytes: 400,
  diskTotalBytes: GIB,
  diskUsedBytes: GIB / 4,
  netRxBytes: 7,
  netTxBytes: 9,
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  now = 1_800_000_000_000
  asked = 0
  meanwhile = () => {}
  stat = async () => ticks(1000, 1000)
  figures = { cpuSeconds: 10, memoryBytes: 100e6, diskBytes: 5e6 }
  const guest: Pick<Guest, 'stat'> = {
    stat() {
      asked++
      return stat()
    },
  }
  log = new UsageLog({
    host: { guest: () => guest as Guest, usage: async () => figures },
    clock: { now: () => now },
    everyMs: 5000,
    wait: async (ms) => {
      pass(ms)
      meanwhile()
    },
  })
})
afterEach(() => {
  vi.useRealTimers()
})
const pass = (ms: number): void => {
  now += ms
  vi.advanceTimersByTime(ms)
}

test('a first sample looks twice, for what was used since the start says nothing about now', async () => {
  meanwhile = () => {
    stat = async () => ticks(1040, 1030)
    figures = { cpuSeconds: 10.1, memoryBytes: 100e6, diskBytes: 5e6 }
  }
  expect(await log.sample(machine, 1000)).toEqual({
    at: now,
    guest: {
      cpu_percent: 25,
      cpu_count: 2,
      mem_used_bytes: 600,
      mem_total_bytes: 1000,
      disk_used_bytes: GIB / 4,
      disk_total_bytes: GIB,
      network_rx_bytes: 7,
      network_tx_bytes: 9,
    },
    host: { cpu_percent: 50, memory_bytes: 100e6, disk_bytes: 5e6 },
  })
  expect(log.samples(machine.id)).toHaveLength(1)
})

test('several who ask at once, or soon after, share one sample', async () => {
  const all = await Promise.all(Array.from({ length: 10 }, () => log.sample(machine, 1000)))
  expect([asked, new Set(all).size]).toEqual([2, 1])
  pass(999)
  await log.sample(machine, 1000)
  expect(asked).toBe(2)
  pass(1)
  await log.sample(machine, 1000)
  expect(asked).toBe(3)
})

test('a silent guest keeps its last figures, with the processor seen from outside, and is left alone for a while', async () => {
  await log.sample(machine, 1000)
  stat = () => new Promise(() => {})
  pass(5000)
  figures = { cpuSeconds: 15, memoryBytes: 1, diskBytes: 2 }
  const late = log.sample(machine, 1000)
  await vi.advanceTimersByTimeAsync(2000)
  const sample = await late
  expect(sample?.guest).toMatchObject({ mem_used_bytes: 600, network_rx_bytes: 7, cpu_percent: expect.closeTo((5 / 5 / 2) * 100, 0) })
  expect(sample?.host).toMatchObject({ memory_bytes: 1, disk_bytes: 2 })
  const before = asked
  pass(20_000)
  await log.sample(machine, 1000)
  expect(asked).toBe(before)
  stat = async () => ticks(2000, 1500)
  pass(10_000)
  expect((await log.sample(machine, 1000))?.guest.cpu_percent).toBe(50)
})

test('an agent that cannot say has its machine described from outside', async () => {
  stat = () => Promise.reject(new GuestFailure('unsupported', 'no'))
  expect((await log.sample(machine, 1000))?.guest).toEqual({
    cpu_percent: 0,
    cpu_count: 2,
    mem_used_bytes: 100e6,
    mem_total_bytes: 512 * 1024 * 1024,
    disk_used_bytes: 5e6,
    disk_total_bytes: GIB,
    network_rx_bytes: 0,
    network_tx_bytes: 0,
  })
})

test('what goes backwards is another process or another guest, and never a negative figure', async () => {
  await log.sample(machine, 1000)
  pass(10_000)
  figures = { cpuSeconds: 1, memoryBytes: 1, diskBytes: 1 }
  stat = async () => ticks(100, 90)
  const sample = await log.sample(machine, 1000)
  expect([sample?.host?.cpu_percent, sample?.guest.cpu_percent]).toEqual([10, 5])
})

test('a machine without a VM has no sample, and leaves none', async () => {
  figures = null
  stat = () => Promise.reject(new Error('gone'))
  expect(await log.sample(machine, 1000)).toBe(null)
  expect(log.samples(machine.id)).toEqual([])
})

test('an hour is kept, however often one looks; and nothing of a machine that is gone', async () => {
  for (let n = 0; n < 4000; n++) {
    await log.sample(machine, 500)
    pass(1000)
  }
  const samples = log.samples(machine.id)
  expect(samples.length).toBeLessThanOrEqual(720)
  expect(samples.length).toBeGreaterThan(600)
  expect(now - samples[0]!.at).toBeLessThanOrEqual(3_600_000)
  expect(now - samples[0]!.at).toBeGreaterThan(3_400_000)
  log.keepOnly(new Set(['mch_b']))
  expect(log.samples(machine.id)).toEqual([])
})

test('a clock that is set back does not end the samples, nor make them come twice or out of order', async () => {
  await log.sample(machine, 1000)
  stat = () => Promise.reject(new Error('no moment'))
  pass(5000)
  await log.sample(machine, 1000)
  now -= 86_400_000
  stat = async () => ticks(3000, 2000)
  const before = asked
  const sample = await log.sample(machine, 1000)
  expect([sample?.at, asked - before]).toEqual([now, 1])
  expect(await log.sample(machine, 1000)).toBe(sample)
  // What was yet to be by this clock is not shown.
  expect(log.samples(machine.id).map(({ at }) => at)).toEqual([now])
})

test('a guest whose machine is made to stand still while it is asked is not taken for silent', async () => {
  await log.sample(machine, 1000)
  let changing = false
  stat = () => {
    changing = true
    return new Promise(() => {})
  }
  pass(5000)
  const during = log.sample(machine, 1000, () => changing)
  await vi.advanceTimersByTimeAsync(2000)
  expect((await during)?.guest.mem_used_bytes).toBe(600)
  changing = false
  stat = async () => ticks(2000, 1500)
  pass(1000)
  expect((await log.sample(machine, 1000, () => changing))?.guest.cpu_percent).toBe(50)
})

test('guests of one owner that do not answer leave places for another’s', async () => {
  stat = () => new Promise(() => {})
  const machineOf = (id: string, ownerId: string): Machine => ({ ...machine, id, ownerId }) as Machine
  const silent = Array.from({ length: 20 }, (_, n) => log.sample(machineOf(`mch_${n}`, 'own_a'), 1000))
  await Promise.resolve()
  stat = async () => ticks(1000, 900)
  expect((await log.sample(machineOf('mch_other', 'own_b'), 1000))?.guest.mem_used_bytes).toBe(600)
  await vi.advanceTimersByTimeAsync(60_000)
  await Promise.all(silent)
})
