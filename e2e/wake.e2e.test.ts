// Machines that come and go by themselves: work wakes one that may be woken, looking at it never does, and its times end
// it or put it to sleep.

import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LifecycleEventList } from '@nullspace/contract/events.ts'
import type { HostSample, MachineMetrics } from '@nullspace/contract/metrics.ts'
import { expectCounting, startCounter } from './lib/counter.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const { client } = shared
const SLEEPY = { timeout_action: 'hibernate', auto_resume: true } as const
const MIB = 1024 * 1024

const statusOf = async (machine: Machine): Promise<string> => (await machine.get()).body.status
const becomes = (machine: Machine, status: string): Promise<string> =>
  until(
    () => statusOf(machine),
    (now) => now === status,
    { withinMs: 30_000, what: `the machine is ${status}` },
  )
async function countOf(machine: Machine, query: string): Promise<number> {
  const { body } = await client.call<LifecycleEventList>('GET', `/v1/machines/${machine.id}/lifecycle?limit=100&${query}`)
  return body.events.length
}

describe('a machine that may be woken', () => {
  let machine: Machine
  let count: number

  beforeAll(async () => {
    machine = await shared.machine({ ...SLEEPY, timeout_ms: 3_600_000 })
    count = await startCounter(machine)
    await machine.pause()
  })

  test('sleeps on, whatever is looked at', async () => {
    const paths = ['', '?fields=id,status', '/lineage', '/metrics', '/host-metrics', '/lifecycle'].map(
      (path) => `/v1/machines/${machine.id}${path}`,
    )
    const { snapshot_id: saved } = (await machine.get()).body
    for (const path of [
      ...paths,
      '/v1/machines',
      '/v1/machines?state=paused',
      '/v1/snapshots',
      `/v1/snapshots/${saved}`,
      '/v1/host/status',
    ]) {
      expect([path, (await client.call('GET', path)).status]).toEqual([path, 200])
    }
    expect((await machine.get()).body).toMatchObject({ status: 'paused', snapshot_id: saved })
    expect(await countOf(machine, 'operation=resume_from_snapshot')).toBe(0)
  })

  test('is woken once by ten commands at once, and each is done exactly once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => machine.exec({ command: `echo ${n} >> /root/done; echo ${n}`, shell: true })),
    )
    expect(answers.map(({ status, body }) => [status, body.stdout])).toEqual(answers.map((_, n) => [200, `${n}\n`]))
    expect((await machine.text('cat /root/done')).split('\n').toSorted()).toEqual(answers.map((_, n) => String(n)))
    expect(await countOf(machine, 'operation=resume_from_snapshot&status=succeeded')).toBe(1)
    expect(await statusOf(machine)).toBe('running')
    count = await expectCounting(machine, count)
  })

  test('is woken by a command that comes while it is still being paused', async () => {
    const paused = machine.pause()
    const answer = await machine.exec({ command: 'echo still here', shell: true })
    await paused
    // Told that it was paused under it, or done after it was woken: never lost in between.
    expect([200, 409]).toContain(answer.status)
    if (answer.status === 409) expect(answer.body.code).toBe('machine_not_ready')
    else expect(answer.body.stdout).toBe('still here\n')
    count = await expectCounting(machine, count)
  })
})

describe('a machine’s time', () => {
  test('ends in a pause when that was asked for, and a command wakes it with a time anew', async () => {
    const machine = await shared.machine({ ...SLEEPY, timeout_ms: 5_000 })
    await machine.text('echo kept > /dev/shm/kept')
    await becomes(machine, 'paused')
    expect(await countOf(machine, 'operation=timeout_expired')).toBe(1)
    expect(await machine.text('cat /dev/shm/kept')).toBe('kept')
    const { body } = await machine.get()
    expect(body.status).toBe('running')
    expect(body.remaining_ms).toBeGreaterThan(0)
    const { status, body: lease } = await client.call('POST', `/v1/machines/${machine.id}/timeout`, { timeout_ms: 3_600_000 })
    expect([status, lease]).toEqual([200, expect.objectContaining({ timeout_ms: 3_600_000, timeout_action: 'hibernate' })])
  })

  test('ends it otherwise, also when it was forked', async () => {
    const machine = await shared.machine({ timeout_ms: 8_000 })
    const [child] = await shared.fork(machine)
    for (const one of [machine, child!]) {
      // One child was asked for.
      await until(
        () => one.get(),
        ({ status }) => status === 404,
        { withinMs: 40_000, what: 'the machine is gone' },
      )
    }
  })

  test('of being idle does not pass while a command runs', async () => {
    const machine = await shared.machine({ timeout_action: 'hibernate', inactivity_timeout_ms: 2_000, timeout_ms: 3_600_000 })
    const { stdout } = await machine.sh('sleep 5; echo done')
    expect(stdout).toBe('done\n')
    await becomes(machine, 'paused')
    expect((await machine.exec({ command: 'true' })).body.code).toBe('machine_not_ready')
  })

  test('of being paused ends it at last', async () => {
    const machine = await shared.machine({ auto_delete_after_ms: 1_000 })
    const { id } = await machine.pause()
    await until(
      () => machine.get(),
      ({ status }) => status === 404,
      { withinMs: 30_000, what: 'the machine is gone' },
    )
    expect((await client.call('GET', `/v1/snapshots/${id}`)).status).toBe(404)
  })
})

describe('what a machine uses', () => {
  test('is seen from inside and from its host, and kept while it is paused', async () => {
    const machine = await shared.machine()
    await machine.text('head -c 30000000 /dev/urandom > /root/noise; sync')
    const read = async <T>(path: string): Promise<T[]> => (await client.call<T[]>('GET', `/v1/machines/${machine.id}/${path}`)).body
    const patience = { withinMs: 40_000, what: 'there are samples' }
    const [host] = await until(
      async () => (await read<HostSample>('host-metrics')).slice(-1),
      (last) => last.length > 0 && (last[0]?.disk_bytes ?? 0) > 30 * MIB * 0.9,
      patience,
    )
    const [guest] = await until(
      async () => (await read<MachineMetrics>('metrics')).slice(-1),
      (last) => last.length > 0,
      patience,
    )
    expect(guest).toMatchObject({ cpu_count: 1 })
    expect(guest?.mem_total_bytes).toSatisfy((bytes: number) => bytes > 190 * MIB && bytes <= 256 * MIB)
    expect(guest?.mem_used_bytes).toSatisfy((bytes: number) => bytes > 0 && bytes < 256 * MIB)
    expect(guest?.disk_total_bytes).toSatisfy((bytes: number) => bytes > 3000 * MIB && bytes <= 4096 * MIB)
    expect(host?.memory_bytes).toSatisfy((bytes: number) => bytes > MIB && bytes < 1024 * MIB)
    await machine.pause()
    expect((await read('metrics')).length).toBeGreaterThan(0)
    expect(await statusOf(machine)).toBe('paused')
  })
})
