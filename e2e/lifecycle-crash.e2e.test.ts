// Whatever dies in the middle of a pause, a snapshot or a fork: what was acknowledged is there, machines that ran run on,
// and nothing is left lying. A daemon of this file's own, killed again and again. NULLSPACE_E2E_ALL=1 tries every point.

import { randomInt } from 'node:crypto'
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from './lib/at-rest.ts'
import { Ballast } from './lib/ballast.ts'
import type { Reply } from './lib/client.ts'
import { expectCounting, readCounter, startCounter } from './lib/counter.ts'
import { Daemon } from './lib/daemon.ts'
import { hypervisorOf, namesOfVms, run } from './lib/host.ts'
import { Machine } from './lib/machine.ts'
import { savedDir, savedNames } from './lib/saved.ts'

const daemon = new Daemon({
  name: 'lifecycle-crash',
  shapes: [{ vcpus: 1, memory_mb: 256 }],
  env: { NULLSPACE_SPARE_MACHINES: '0', NULLSPACE_POOL_GB: '8' },
})
const EVERYTHING = process.env['NULLSPACE_E2E_ALL'] === '1'
const PAGE_BYTES = 4096
const LONG_LIFE = { timeout_ms: 3_600_000 }

/** On which everything is done, and one that is only there; both count. */
let source: Machine
let bystander: Machine
/** What each was seen to have counted to. */
const counted = new Map<string, number>()
/** A snapshot that nobody touches. */
let kept: string
const seen = new Set<string>()

beforeAll(async () => {
  await daemon.start()
  await daemon.shapesReady()
  ;[source, bystander] = await Promise.all([counting(), counting()])
  kept = await snapshot()
})
afterAll(() => daemon.remove())
beforeEach(({ onTestFailed }) => onTestFailed(() => void daemon.keepEvidence()))

async function machine(options: Readonly<Record<string, unknown>> = LONG_LIFE): Promise<Machine> {
  const { status, body } = await daemon.client.create(options)
  expect({ status, body }).toMatchObject({ status: 201 })
  return new Machine(daemon.client, body)
}
async function counting(): Promise<Machine> {
  const made = await machine()
  counted.set(made.id, await startCounter(made))
  return made
}
async function snapshot(): Promise<string> {
  const { status, body } = await daemon.client.snapshot(source.id)
  expect({ status, body }).toMatchObject({ status: 201 })
  return body.id
}
const statusOf = async ({ id }: Machine): Promise<string> => (await daemon.client.get(id)).body.status

async function expectCountsOn(one: Machine): Promise<void> {
  counted.set(one.id, await expectCounting(one, counted.get(one.id) ?? 0))
}
async function bring(status: 'running' | 'paused'): Promise<void> {
  const now = await statusOf(source)
  if (now !== status) await (now === 'paused' ? source.resume() : source.pause())
}

/** Its address changes with every start. */
async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await daemon.start(env)
  source = new Machine(daemon.client, source.info)
  bystander = new Machine(daemon.client, bystander.info)
}
async function died(): Promise<void> {
  expect(await daemon.ended).toEqual({ code: null, signal: 'SIGKILL' })
  for (const name of namesOfVms(daemon.place)) seen.add(name)
}
const idsOfMachines = async (): Promise<string[]> => (await daemon.client.list()).map(({ id }) => id).toSorted()
const idsOfSnapshots = async (): Promise<string[]> => (await daemon.client.snapshots()).map(({ id }) => id).toSorted()

const TAKE_DOWN = ['stopVm', 'removeDisk', 'releaseSlot']
const CAPTURE = ['prepare', 'capture', 'seal']

/** By kind of operation: its steps, what the source is before it, what brings it about, and what the source is afterwards. */
const KINDS = {
  hibernate: { steps: CAPTURE, before: 'running', act: () => daemon.client.pause(source.id), after: 'running' },
  park: { steps: TAKE_DOWN, before: 'running', act: () => daemon.client.pause(source.id), after: 'paused' },
  copySnapshot: { steps: ['copy', 'seal'], before: 'paused', act: () => daemon.client.snapshot(source.id), after: 'paused' },
  resume: {
    steps: ['reserveSlot', 'cloneDisk', 'restore', 'greet'],
    before: 'paused',
    act: () => daemon.client.resume(source.id),
    after: 'paused',
  },
  snapshot: { steps: CAPTURE, before: 'running', act: () => daemon.client.snapshot(source.id), after: 'running' },
  fork: { steps: CAPTURE, before: 'running', act: (key: string) => daemon.client.fork(source.id, 2, key), after: 'running' },
  branch: {
    steps: ['reserveSlots', 'cloneDisks', 'bringUp'],
    before: 'running',
    act: (key: string) => daemon.client.fork(source.id, 2, key),
    after: 'running',
  },
  discard: {
    steps: ['dropSnapshot'],
    before: 'running',
    act: async () => daemon.client.deleteSnapshot(await snapshot()),
    after: 'running',
  },
} as const
type Kind = keyof typeof KINDS

const every = Object.entries(KINDS).flatMap(([kind, { steps }]) =>
  steps.flatMap((step) => [`${kind}:${step}:before`, `${kind}:${step}:after`]),
)
const SAMPLE = [
  'hibernate:capture:after',
  'hibernate:seal:after',
  'park:stopVm:before',
  'park:removeDisk:after',
  'copySnapshot:copy:after',
  'resume:restore:after',
  'resume:greet:after',
  'snapshot:capture:after',
  'fork:seal:after',
  'branch:reserveSlots:after',
  'branch:bringUp:after',
  'discard:dropSnapshot:before',
]

describe('the daemon is killed at a step', () => {
  test.each(EVERYTHING ? every : SAMPLE)('%s', async (point) => {
    const { before, act, after } = KINDS[point.split(':')[0] as Kind]
    await bring(before)
    const [machines, snapshots] = [await idsOfMachines(), await idsOfSnapshots()]
    await daemon.kill()
    await start({ NULLSPACE_CRASH_AT: point })
    await expect(act(point)).rejects.toThrow()
    await died()

    await start()
    expect(await statusOf(source)).toBe(after)
    await expectCountsOn(bystander)
    await expectNothingLeft(daemon, seen)
    expect(await idsOfMachines()).toEqual(machines)
    // What a paused machine resumes from is a snapshot as well.
    const { snapshot_id: own } = (await source.get()).body
    expect((await idsOfSnapshots()).filter((id) => id !== own)).toEqual(snapshots.filter((id) => id === kept))
    await bring('running')
    await expectCountsOn(source)
    if (act === KINDS.fork.act || act === KINDS.branch.act) await expectForksWith(point)
  })

  async function expectForksWith(key: string): Promise<void> {
    const { status, body } = await daemon.client.fork(source.id, 2, key)
    expect(status).toBe(201)
    for (const info of body.items) await expectCounting(new Machine(daemon.client, info), counted.get(source.id) ?? 0)
    for (const { id } of body.items) expect((await daemon.client.destroy(id)).status).toBe(200)
  }

  test('what was acknowledged before all this can still be used', async () => {
    const child = await machine({ ...LONG_LIFE, snapshot_id: kept })
    await expectCounting(child, 1)
    await child.destroy()
    await expectNothingLeft(daemon, seen)
  })
})

describe('the daemon is killed in the middle of a fork of sixteen', () => {
  const moments = Array.from({ length: 10 }, () => randomInt(100, 4_500))

  test.each(moments)('after %i ms: all children are there, or none', async (afterMs) => {
    await bring('running')
    const before = await idsOfMachines()
    counted.set(source.id, await readCounter(source))
    const asked = daemon.client.fork(source.id, 16).then(
      ({ status }) => status,
      () => 'cut off',
    )
    await sleep(afterMs)
    await daemon.kill()
    await died()
    const answer = await asked
    expect([201, 'cut off']).toContain(answer)
    await start()
    const children = (await daemon.client.list()).filter(({ id }) => !before.includes(id))
    expect(answer === 201 ? [16] : [0, 16]).toContain(children.length)
    await Promise.all([source, bystander].map(expectCountsOn))
    for (const info of children) {
      expect(info.status).toBe('running')
      expect(await readCounter(new Machine(daemon.client, info))).toBeGreaterThan(0)
    }
    for (const { id } of children) expect((await daemon.client.destroy(id)).status).toBe(200)
    await expectNothingLeft(daemon, seen)
  })
})

test('memory that rotted on the disk while the daemon was away is found out, and the machine stays paused', async () => {
  await bring('paused')
  const { snapshot_id: saved } = (await source.get()).body
  await daemon.kill()
  const memory = join(savedDir(daemon.place, saved), 'memory')
  renameSync(memory, `${memory}.aside`)
  await run('cp', ['--preserve=all', `${memory}.aside`, memory])
  const file = openSync(memory, 'r+')
  for (let at = 0; at < statSync(memory).size; at += PAGE_BYTES) writeSync(file, 'x', at + 99)
  closeSync(file)
  // As a disk does it: without a trace.
  await run('touch', ['--reference', `${memory}.aside`, memory])
  await start()
  const { status, body } = await daemon.client.resume(source.id)
  expect([status, body.code]).toEqual([409, 'rebuild_required'])
  expect(await statusOf(source)).toBe('paused')
  renameSync(`${memory}.aside`, memory)
  await source.resume()
  await expectCountsOn(source)
  await expectNothingLeft(daemon, seen)
})

describe('while a machine is being saved', () => {
  beforeAll(() => bring('running'))
  /** It was not refused beforehand, nor is it done. */
  const expectUnderWay = async (asked: Promise<Reply<unknown>>): Promise<void> => {
    const begun = until(
      () => savedNames(daemon.place),
      (names) => names.some((name) => name.endsWith('.partial')),
      { withinMs: 10_000, what: 'the saving began' },
    )
    expect(await Promise.race([asked, begun.then(() => 'under way')])).toBe('under way')
  }
  /** So that saving it takes a while. */
  const fillMemory = (one: Machine): Promise<string> =>
    one.python('file = open("/dev/shm/much", "wb")\nfor n in range(90): file.write(bytes([n + 1]) * (1 << 20))')

  test('its hypervisor dies: it goes to error, and nothing of what was being made is left', async () => {
    const doomed = await machine()
    await fillMemory(doomed)
    const vm = hypervisorOf(daemon.place, doomed.id)
    const asked = daemon.client.snapshot(doomed.id)
    await expectUnderWay(asked)
    process.kill(vm.pid, 'SIGKILL')
    const { status, body } = await asked
    expect({ status, body }).toMatchObject({ status: expect.toSatisfy((code: number) => code >= 400), body: { code: expect.any(String) } })
    await until(
      () => statusOf(doomed),
      (now) => now === 'error',
      { withinMs: 20_000, what: 'the machine is in error' },
    )
    expect((await doomed.destroy()).status).toBe(200)
    await expectNothingLeft(daemon, seen)
  })

  test('the agent in it dies: that is nobody’s loss', async () => {
    await source.background('sleep 0.2; for n in 1 2 3 4 5 6; do pkill -9 -x agent; sleep 0.1; done; touch /dev/shm/spared')
    await source.pause()
    await source.resume()
    await until(
      () => daemon.client.exec(source.id, { command: 'test', args: ['-e', '/dev/shm/spared'] }),
      ({ body }) => body.exit_code === 0,
      { withinMs: 30_000, what: 'commands work again' },
    )
    await expectCountsOn(source)
  })

  test('the disk is full before it, or fills up in the middle: it is refused, and the machine goes on', async ({ skip }) => {
    using ballast = new Ballast(daemon.place)
    skip(!ballast.possible, 'the pool is the host’s own filesystem')
    await fillMemory(source)
    await ballast.fill(1_100)
    const before = await Promise.all([daemon.client.pause(source.id), daemon.client.fork(source.id, 1), daemon.client.snapshot(source.id)])
    expect(before.map(({ status, body }) => [status, body.code])).toEqual(before.map(() => [409, 'capacity_exceeded']))
    await expectCountsOn(source)
    await ballast.empty()

    interface Made {
      readonly id?: string
      readonly items?: readonly { readonly id: string }[]
      readonly code?: string
    }
    const saves: { save: () => Promise<Reply<unknown>>; takeBack: (made: Made) => Promise<unknown> }[] = [
      { save: () => daemon.client.pause(source.id), takeBack: () => source.resume() },
      { save: () => daemon.client.snapshot(source.id), takeBack: ({ id }) => daemon.client.deleteSnapshot(id ?? '') },
      {
        save: () => daemon.client.fork(source.id, 1),
        takeBack: async ({ items = [] }) => {
          for (const { id } of items) await daemon.client.destroy(id)
        },
      },
    ]
    for (const { save, takeBack } of saves) {
      // It may be done before the disk is full; then it is to be whole, and the race is run again.
      let refused = false
      for (let attempt = 0; attempt < 8 && !refused; attempt++) {
        await ballast.fill(1_500)
        const asked = save()
        await expectUnderWay(asked)
        await ballast.fill(4)
        const { status, body } = await asked
        refused = status >= 300
        if (refused) expect([status, (body as Made).code]).toEqual([507, 'insufficient_storage'])
        await ballast.empty()
        if (refused) {
          expect(savedNames(daemon.place).filter((name) => name.endsWith('.partial'))).toEqual([])
          expect(await statusOf(source)).toBe('running')
        } else await takeBack(body as Made)
        await expectCountsOn(source)
      }
      expect(refused).toBe(true)
    }
    await source.pause()
    await source.resume()
    await expectCountsOn(source)
    await expectNothingLeft(daemon, seen)
  })
})
