// The daemon dies, its machines do not; and what was half done when it died is undone or finished, never left lying.
// A daemon of this file's own, started again and again on one data directory.

import { until } from '@nullspace/vmm/exam/until.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon } from './lib/daemon.ts'
import { hypervisorOf, hypervisors, namesOfVms } from './lib/host.ts'
import { Machine } from './lib/machine.ts'
import { expectNoOrphans } from './lib/shared.ts'

const daemon = new Daemon({ name: 'crash', shapes: [{ vcpus: 1, memory_mb: 256 }] })
const LONG_LIFE = { timeout_ms: 3_600_000 }

/** Lives through all that happens in this file. */
let kept: Machine
let keptVm: string
/** Its process that counts. */
let counter: string

beforeAll(async () => {
  await daemon.start()
  await daemon.shapesReady()
  kept = await machine()
  keptVm = hypervisorOf(daemon.place, kept.id).name
  await kept.background('echo $$ > pid; i=0; while :; do i=$((i + 1)); echo $i > count.new; mv count.new count; sleep 0.1; done')
  counter = await until(
    () => kept.text('cat pid count | tr "\\n" " "'),
    (seen) => /^\d+ \d+/.test(seen),
    { withinMs: 30_000 },
  ).then((seen) => seen.split(' ')[0] ?? '')
})
afterAll(() => daemon.remove())
beforeEach(({ onTestFailed }) => onTestFailed(() => void daemon.keepEvidence()))

async function machine(): Promise<Machine> {
  const { status, body } = await daemon.client.create(LONG_LIFE)
  expect({ status, body }).toMatchObject({ status: 201 })
  return inHand(body)
}

/** The address of the daemon changes with every start. */
function inHand(info: Machine['info']): Machine {
  return new Machine(daemon.client, info)
}

/** Same process, still counting, and commands work. */
async function expectKept(): Promise<void> {
  kept = inHand(kept.info)
  expect((await kept.get()).body.status).toBe('running')
  const look = async () => Number(await kept.text(`test -d /proc/${counter} && cat count`))
  const before = await look()
  await until(look, (count) => count > before, { withinMs: 20_000, what: 'the process counts on' })
}

/** Of VMs there are the kept one, those named, and spare ones that this life of the daemon made. */
async function expectOnly(machines: readonly Machine[], { gone }: { gone: Iterable<string> }): Promise<void> {
  const vms = [keptVm, ...machines.map(({ id }) => hypervisorOf(daemon.place, id).name)]
  await expectNoOrphans(daemon.place, { kept: vms, gone: [...gone].filter((name) => !vms.includes(name)), spareSlots: daemon.spareSlots })
}

describe('kill -9 of the daemon', () => {
  test('machines run on meanwhile and are found again; none is lost, no spare one is left lying', async () => {
    const before = namesOfVms(daemon.place)
    await daemon.kill()
    expect(hypervisors(daemon.place).map(({ name }) => name)).toContain(keptVm)
    await daemon.start()
    await expectKept()
    await expectOnly([], { gone: before })
  })

  test('a machine whose VM died in the meantime goes to error, and what it leaves can be destroyed', async () => {
    const doomed = await machine()
    const vm = hypervisorOf(daemon.place, doomed.id)
    await daemon.kill()
    process.kill(vm.pid, 'SIGKILL')
    await daemon.start()
    const { body } = await until(
      () => daemon.client.get(doomed.id),
      ({ body }) => body.status === 'error',
      { withinMs: 20_000, what: 'the machine is in error' },
    )
    expect(body.error_reason).toMatch(/gone/)
    expect((await daemon.client.exec(doomed.id, { command: 'true' })).status).toBe(409)
    expect((await daemon.client.destroy(doomed.id)).status).toBe(200)
    await expectKept()
    await expectOnly([], { gone: [vm.name] })
  })

  test('a command that was under way goes on without anybody to tell', async () => {
    const asked = kept.exec({ command: 'touch begun; sleep 2; touch ended', shell: true })
    asked.catch(() => {})
    await until(
      () => kept.sh('test -e begun'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000 },
    )
    await daemon.kill()
    await expect(asked).rejects.toThrow()
    await daemon.start()
    kept = inHand(kept.info)
    await until(
      () => kept.sh('test -e ended'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000 },
    )
  })
})

// Each start after a death is also the life that dies at the next point: one start per point.
describe('death at a step', () => {
  const points = [
    ['create:reserveSlot:after', 'destroy:stopVm:before'],
    ['create:restore:before', 'destroy:stopVm:after'],
    ['create:restore:after', 'destroy:removeDisk:before'],
    ['create:greet:after', 'destroy:removeDisk:after'],
  ] as const

  beforeAll(async () => {
    await daemon.kill()
    await daemon.start({ NULLSPACE_CRASH_AT: points[0][0] })
  })

  test.each(points.map(([create, destroy], index) => ({ create, destroy, next: points[index + 1]?.[0] })))(
    '$create, then $destroy',
    async ({ create, destroy, next }) => {
      const key = `crash at ${create}`.replaceAll(' ', '-')
      const before = namesOfVms(daemon.place)
      await expect(daemon.client.create(LONG_LIFE, key)).rejects.toThrow()
      expect(await daemon.ended).toEqual({ code: null, signal: 'SIGKILL' })

      const halfDone = [...before, ...namesOfVms(daemon.place)]
      await daemon.start({ NULLSPACE_CRASH_AT: destroy })
      expect((await daemon.client.list()).map(({ id }) => id)).toEqual([kept.id])
      await expectOnly([], { gone: halfDone })
      await expectKept()
      const again = await daemon.client.create(LONG_LIFE, key)
      expect(again).toMatchObject({ status: 201, body: { status: 'running' } })
      const made = inHand(again.body)
      expect(await made.text('echo usable')).toBe('usable')
      expect((await daemon.client.create(LONG_LIFE, key)).body.id).toBe(made.id)

      const vm = hypervisorOf(daemon.place, made.id).name
      await expect(made.destroy()).rejects.toThrow()
      expect(await daemon.ended).toEqual({ code: null, signal: 'SIGKILL' })
      await daemon.start(next === undefined ? {} : { NULLSPACE_CRASH_AT: next })
      expect((await daemon.client.get(made.id)).status).toBe(404)
      await expectOnly([], { gone: [vm] })
      await expectKept()
    },
  )
})

describe('an orderly end', () => {
  test('a second daemon on the same directory is refused, also while the first one starts', async () => {
    expect(await daemon.second()).toEqual({ code: 3, signal: null })
    await expectKept()
    const lives = (): number => readFileSync(daemon.logFile, 'utf8').split('"msg":"starting"').length
    await daemon.kill()
    const before = lives()
    const started = daemon.start()
    await until(lives, (count) => count > before, { withinMs: 30_000, what: 'the daemon begins' })
    expect(await daemon.second()).toEqual({ code: 3, signal: null })
    await started
    await expectKept()
  })

  test('SIGTERM: requests in flight are answered, machines run on, nothing says that a daemon runs', async () => {
    const spares = [...namesOfVms(daemon.place)].filter((name) => name !== keptVm)
    const answer = kept.exec({ command: 'touch waiting; sleep 2; echo late', shell: true })
    await until(
      () => kept.sh('test -e waiting'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000 },
    )
    expect(await daemon.stop()).toEqual({ code: 0, signal: null })
    expect(await answer).toMatchObject({ status: 200, body: { stdout: 'late\n' } })
    expect(existsSync(join(daemon.dataDir, 'daemon.json'))).toBe(false)
    expect(hypervisors(daemon.place).map(({ name }) => name)).toEqual([keptVm])
    await expectNoOrphans(daemon.place, { kept: [keptVm], gone: spares, spareSlots: 0 })
    await daemon.start()
    await expectKept()
  })
})
