// What a saved machine is on disk: closed to everyone but root, and never restored from when it is not what was saved.

import { closeSync, openSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { attempt } from './lib/breakout.ts'
import { expectCounting, startCounter } from './lib/counter.ts'
import { type Hypervisor, hypervisorOf, run } from './lib/host.ts'
import type { Machine } from './lib/machine.ts'
import { SAVED_FILES, savedDir } from './lib/saved.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const { client, place } = shared
/** Of every machine's template; everything else is this machine's own. */
const OF_THE_TEMPLATE = ['base.qcow2', 'rootfs.ext4']

let source: Machine
let snapshot: string
beforeAll(async () => {
  source = await shared.machine({ envs: { SECRET: 'kept' } })
  await startCounter(source)
  snapshot = (await shared.snapshot(source)).id
})

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('what was in a machine’s memory and on its disk', () => {
  test.each(['a snapshot', 'a paused machine'])('is root’s alone in %s', async (what) => {
    const id = what === 'a snapshot' ? snapshot : (await source.pause()).id
    const own = SAVED_FILES.filter((name) => !OF_THE_TEMPLATE.includes(name))
    for (const name of own) {
      const path = join(savedDir(place, id), name)
      expect([name, modeOf(path), statSync(path).uid]).toEqual([name, '600', 0])
    }
    if (what !== 'a snapshot') await source.resume()
  })

  test('is closed to whoever got out of another VM, and to a child’s own hypervisor', async () => {
    const child = await shared.machine({ snapshot_id: snapshot })
    const stranger = await shared.machine()
    const vms = [child, stranger].map(({ id }) => hypervisorOf(place, id)) as [Hypervisor, Hypervisor]
    for (const vm of vms) {
      for (const dir of [savedDir(place), savedDir(place, snapshot)])
        expect(await attempt(place, vm, `ls '${dir}'`)).toMatch(/Permission denied/)
      for (const name of ['memory', 'disk.qcow2', 'state', 'sums', 'manifest.json']) {
        const path = join(savedDir(place, snapshot), name)
        expect([name, await attempt(place, vm, `cat '${path}'`)]).toEqual([name, expect.stringContaining('Permission denied')])
        expect([name, await attempt(place, vm, `echo x >> '${path}'`)]).toEqual([name, expect.stringContaining('ermission denied')])
      }
      expect(await attempt(place, vm, `rm -rf '${savedDir(place, snapshot)}'`)).toMatch(/Permission denied/)
    }
    // What the child's VM maps is the template's memory; what was its source's own is in the snapshot and in its process.
    const mapped = statSync(join(place.dataDir, 'pool/machines', vms[0].name, 'memory')).ino
    const [base, own] = ['base-memory', 'memory'].map((name) => statSync(join(savedDir(place, snapshot), name)).ino)
    expect(mapped).toBe(base)
    expect(mapped).not.toBe(own)
  })
})

describe('a saved state that is not what was saved', () => {
  let machine: Machine
  let count: number
  let dir: string
  let saved: string
  beforeAll(async () => {
    machine = await shared.machine()
    count = await startCounter(machine)
    dir = savedDir(place, (saved = (await machine.pause()).id))
  })

  const write = (path: string): void => {
    const file = openSync(path, 'r+')
    writeSync(file, 'x', Math.floor(statSync(path).size / 2))
    closeSync(file)
  }
  const cut = (path: string): void => truncateSync(path, statSync(path).size - 1)
  const empty = (path: string): void => writeFileSync(path, '')
  const remove = (path: string): void => rmSync(path)

  test.each([
    ['memory', 'was written to', write],
    ['memory', 'was cut', cut],
    ['disk.qcow2', 'was written to', write],
    ['disk.qcow2', 'was cut', cut],
    ['state', 'was written to', write],
    ['state', 'is empty', empty],
    ['sums', 'was written to', write],
    ['sums', 'is gone', remove],
    ['manifest.json', 'is empty', empty],
    ['manifest.json', 'is gone', remove],
  ] as const)('%s %s: it stays paused, nothing is started', async (name, _what, harm) => {
    const path = join(dir, name)
    // The file itself is put aside: a copy is harmed that would be as good in all that is looked at, its time included.
    renameSync(path, `${path}.aside`)
    await run('cp', ['--preserve=all', `${path}.aside`, path])
    harm(path)
    const { status, body } = await client.resume(machine.id)
    expect([status, body.code]).toEqual([409, 'rebuild_required'])
    expect((await machine.get()).body).toMatchObject({ status: 'paused', snapshot_id: saved })
    expect((await client.snapshot(machine.id)).body.code).toBe('rebuild_required')
    expect(() => hypervisorOf(place, machine.id)).toThrow()
    renameSync(`${path}.aside`, path)
  })

  test('put right again, it can be restored', async () => {
    await machine.resume()
    await expectCounting(machine, count)
    dir = savedDir(place, (saved = (await machine.pause()).id))
  })

  test('it can be destroyed all the same', async () => {
    rmSync(join(dir, 'memory'))
    expect((await client.resume(machine.id)).body.code).toBe('rebuild_required')
    expect((await machine.destroy()).status).toBe(200)
  })

  test('a reusable snapshot is refused as well, and what was made from it before goes on', async () => {
    const child = await shared.machine({ snapshot_id: snapshot })
    empty(join(savedDir(place, snapshot), 'state'))
    const { status, body } = await client.create({ snapshot_id: snapshot })
    expect([status, body.code]).toEqual([409, 'rebuild_required'])
    await expectCounting(child, 1)
    await expectCounting(source, 1)
    expect((await client.deleteSnapshot(snapshot)).status).toBe(204)
  })
})
