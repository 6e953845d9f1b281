// Pause, snapshot and fork of a running machine: memory, processes and files go on from where they were, in the machine
// itself and in whatever is made from it, each on its own from then on.

import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { openConnection, speak } from './lib/connection.ts'
import { expectCounting, hasJumped, jump, readCounter, startCounter } from './lib/counter.ts'
import { namesOfVms } from './lib/host.ts'
import { expectAllDifferent, look } from './lib/identity.ts'
import type { Machine } from './lib/machine.ts'
import { savedNames } from './lib/saved.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const { client, place, internet } = shared

describe('pause and resume', () => {
  let machine: Machine
  let count: number

  beforeAll(async () => {
    machine = await shared.machine({ envs: { KEPT: 'yes' }, cwd: '/srv' })
    count = await startCounter(machine)
  })

  test('processes, memory and files go on, and the machine is who it was', async () => {
    await machine.background('exec sleep 5000')
    await machine.text('echo synced > /root/synced; sync; echo written > /root/written; echo fast > /dev/shm/fast')
    const before = await look(machine)
    const saved = await machine.pause()
    expect(saved.size_bytes).toBeGreaterThan(0)
    const paused = (await machine.get()).body
    expect(paused).toMatchObject({ status: 'paused', snapshot_id: saved.id })
    expect(paused.timeout_at).toBeUndefined()
    expect([...namesOfVms(place)]).not.toContain(machine.id)
    expect(savedNames(place)).toContain(saved.id)

    await machine.resume()
    count = await expectCounting(machine, count)
    const after = await look(machine)
    expect(after.names).toEqual(before.names)
    expect(after.clockOffBy).toBeLessThan(2)
    expect(new Set([...before.random, ...after.random]).size).toBe(before.random.length * 2)
    expect(await machine.text('pgrep -x sleep > /dev/null; cat /root/synced /root/written /dev/shm/fast; echo $KEPT; pwd')).toBe(
      'synced\nwritten\nfast\nyes\n/srv',
    )
    await until(
      () => savedNames(place),
      (names) => !names.includes(saved.id),
      { withinMs: 10_000, what: 'the saved state goes when it is used' },
    )
    expect((await client.call('GET', `/v1/snapshots/${saved.id}`)).status).toBe(404)
  })

  test('again and again, with what happened in between', async () => {
    for (const round of [1, 2, 3]) {
      await machine.text(`echo ${round} >> /root/rounds`)
      await machine.pause()
      await machine.resume()
      count = await expectCounting(machine, count)
    }
    expect(await machine.text('cat /root/rounds')).toBe('1\n2\n3')
  })

  test('whoever waits for a command is told that it was paused, and the command goes on', async () => {
    const asked = await begun(machine, 'pause')
    await machine.pause()
    const { status, body } = await asked()
    expect([status, body.code, body.details]).toEqual([409, 'machine_not_ready', { status: 'paused' }])
    await machine.resume()
    await until(
      () => machine.sh('test -e /srv/pause.ended'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000, what: 'the command ended' },
    )
  })

  test('a paused machine refuses work that it is not to be woken by, and what makes no sense; the same wish twice is one', async () => {
    const [one, other] = await Promise.all([machine.pause(), machine.pause()])
    expect(one).toEqual(other)
    const refusals = await Promise.all([
      machine.exec({ command: 'true' }),
      client.pause(machine.id),
      client.fork(machine.id, 1),
      client.call('POST', `/v1/machines/${machine.id}/timeout`, { timeout_ms: 60_000 }),
    ])
    expect(refusals.map(({ status, body }) => [status, body.code])).toEqual(refusals.map(() => [409, 'machine_not_ready']))
    expect((await client.deleteSnapshot(one.id)).body.code).toBe('snapshot_in_use')
    expect((await client.create({ snapshot_id: one.id })).body.code).toBe('invalid_request')
    await Promise.all([machine.resume(), machine.resume()])
    expect((await client.resume(machine.id)).body.code).toBe('machine_not_ready')
    count = await expectCounting(machine, count)
  })

  test('one that is destroyed while it is paused leaves nothing', async () => {
    const { id } = await machine.pause()
    expect((await machine.destroy()).status).toBe(200)
    expect(savedNames(place)).not.toContain(id)
    expect((await client.resume(machine.id)).body.code).toBe('machine_not_found')
  })
})

describe('a snapshot', () => {
  let source: Machine
  let children: readonly Machine[]
  let snapshotId: string
  let atSnapshot: number

  beforeAll(async () => {
    source = await shared.machine({ metadata: { job: 17 }, envs: { KEPT: 'yes' } })
    await startCounter(source)
    await source.text('echo before > /root/before')
    const asked = await begun(source, 'snapshot')
    atSnapshot = await readCounter(source)
    const snapshot = await shared.snapshot(source)
    expect(snapshot).toMatchObject({ metadata: { job: 17 } })
    snapshotId = snapshot.id
    expect((await asked()).body).toMatchObject({ exit_code: 0, stdout: 'late\n' })
    await source.text('echo after > /root/after')
    children = await Promise.all([1, 2].map(() => shared.machine({ snapshot_id: snapshotId })))
  })

  test('source and children count on from there, each on its own', async () => {
    const [one, other] = children as [Machine, Machine]
    await jump(one)
    for (const machine of [source, ...children]) await expectCounting(machine, atSnapshot)
    expect(await Promise.all([source, one, other].map(async (machine) => hasJumped(await readCounter(machine))))).toEqual([
      false,
      true,
      false,
    ])
  })

  test('the disk is as it was then; what is written later is each machine’s own', async () => {
    await children[0]!.text('echo mine > /root/mine') // made above
    const seen = await Promise.all(
      [source, ...children].map((machine) => machine.text('cd /root; ls before after mine 2> /dev/null || true')),
    )
    expect(seen).toEqual(['after\nbefore', 'before\nmine', 'before'])
  })

  test('all are different machines, with the snapshot’s settings', async () => {
    expectAllDifferent(await Promise.all([source, ...children].map(look)))
    for (const child of children) {
      expect(child.info).toMatchObject({ metadata: { job: 17 }, parent_machine_id: source.id, source_snapshot_id: snapshotId })
      expect(await child.text('echo $KEPT')).toBe('yes')
    }
  })

  test('it can be taken of a paused machine as well, and outlives it', async () => {
    const count = await readCounter(source)
    await source.pause()
    const { id } = await shared.snapshot(source)
    await source.resume()
    await expectCounting(source, count)
    await source.destroy()
    const child = await shared.machine({ snapshot_id: id })
    await expectCounting(child, count)
    expect(await child.text('cat /root/after')).toBe('after')
  })

  test('machines go on without it', async () => {
    expect((await client.deleteSnapshot(snapshotId)).status).toBe(204)
    expect(savedNames(place)).not.toContain(snapshotId)
    expect((await client.create({ snapshot_id: snapshotId })).body.code).toBe('snapshot_not_found')
    for (const child of children) {
      await expectCounting(child, atSnapshot)
      // Pages and blocks that nothing has touched so far, too.
      await child.text('find /etc -type f -exec cat {} + > /dev/null; git --version; rg --version')
    }
  })
})

describe('a fork', () => {
  let source: Machine
  let child: Machine
  let grandchild: Machine
  let atFork: number

  beforeAll(async () => {
    source = await shared.machine()
    await startCounter(source)
    await openConnection(source, internet.address)
    await source.text('echo before > /root/before')
    const asked = await begun(source, 'fork')
    atFork = await readCounter(source)
    ;[child] = (await shared.fork(source)) as [Machine]
    expect((await asked()).body).toMatchObject({ exit_code: 0, stdout: 'late\n' })
    await jump(child)
    ;[grandchild] = (await shared.fork(child)) as [Machine]
  })

  test('of a fork: each counts on from where it was copied', async () => {
    for (const machine of [source, child, grandchild]) await expectCounting(machine, atFork)
    const jumped = await Promise.all([source, child, grandchild].map(async (machine) => hasJumped(await readCounter(machine))))
    expect(jumped).toEqual([false, true, true])
  })

  test('all are different machines that know whom they come from', async () => {
    expectAllDifferent(await Promise.all([source, child, grandchild].map(look)))
    const { body } = await client.call<{ root_machine_id: string; nodes: { machine_id: string; parent_machine_id?: string }[] }>(
      'GET',
      `/v1/machines/${grandchild.id}/lineage`,
    )
    expect(body.root_machine_id).toBe(source.id)
    expect(new Map(body.nodes.map((node) => [node.machine_id, node.parent_machine_id]))).toEqual(
      new Map([
        [source.id, undefined],
        [child.id, source.id],
        [grandchild.id, child.id],
      ]),
    )
  })

  test('an open connection is the source’s alone; in a child its next use fails at once', async () => {
    expect(await speak(source)).toBe(`${internet.hostAddress} hello`)
    for (const machine of [child, grandchild]) expect(await speak(machine)).toMatch(/^(ECONNABORTED|ECONNRESET|EPIPE)$/)
    expect(await speak(source)).toBe(`${internet.hostAddress} hello`)
  })

  test('a command that was under way in the source goes on in the child without anybody to report to', async () => {
    await until(
      () => child.sh('test -e fork.ended'),
      ({ exit_code }) => exit_code === 0,
      { withinMs: 20_000, what: 'the command ended in the child as well' },
    )
  })

  test('several children of one instant, all at once, and the source has its own way still', async () => {
    const [one, other] = (await shared.fork(child, 2)) as [Machine, Machine]
    await child.text('echo late > /root/late')
    expectAllDifferent(await Promise.all([child, one, other].map(look)))
    for (const machine of [one, other]) {
      await expectCounting(machine, atFork)
      expect(await machine.text('cat /root/before; test ! -e /root/late')).toBe('before')
    }
  })
})

/** A command that takes its time, asked for and begun. Its answer comes when that is asked for. */
async function begun(machine: Machine, mark: string): Promise<() => ReturnType<Machine['exec']>> {
  const answer = machine.exec({ command: `touch ${mark}.begun; sleep 2; touch ${mark}.ended; echo late`, shell: true })
  answer.catch(() => {})
  await until(
    () => machine.sh(`test -e ${mark}.begun`),
    ({ exit_code }) => exit_code === 0,
    { withinMs: 20_000, what: 'the command began' },
  )
  return () => answer
}
