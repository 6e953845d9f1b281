// Saved state that was cut, changed, exchanged, or is of another hypervisor: it is told apart before anything is started,
// the machine stays as it is, and can still be destroyed.

import { execFileSync } from 'node:child_process'
import { open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clearOut, counting } from './ground.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const FILES = ['memory', 'disk.qcow2', 'base.qcow2', 'rootfs.ext4', 'state', 'sums', 'manifest.json'] as const

/** Writes a changed copy under the file's name: its other names are of files that others need. */
async function exchange(path: string, change: (path: string) => Promise<void>): Promise<void> {
  copy(path, `${path}.copy`)
  await change(`${path}.copy`)
  await rename(`${path}.copy`, path)
}

/** A root disk has gigabytes of holes. */
const copy = (from: string, to: string): Buffer => execFileSync('cp', ['--sparse=always', from, to])

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 0xff
  await file.write(byte, 0, 1, at)
}

async function paused(): Promise<{ id: string; dir: string }> {
  const id = await counting(world)
  const { body } = await world.call('POST', `/v1/machines/${id}/hibernate`)
  return { id, dir: join(world.places.pool, 'snapshots', body.id) }
}

/** Nothing was started, and it is paused as before; then it goes. */
async function expectRefused(id: string, code: string): Promise<void> {
  const vms = [...world.vms.vms.keys()]
  const answer = await world.call('POST', `/v1/machines/${id}/resume`)
  expect(answer).toMatchObject({ status: 409, body: { code, retryable: false } })
  expect([...world.vms.vms.keys()]).toEqual(vms)
  expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
  expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  await clearOut(world)
}

describe.each(FILES)('%s', (name) => {
  test('gone', async () => {
    const { id, dir } = await paused()
    await rm(join(dir, name))
    expect((await world.call('POST', `/v1/machines/${id}/snapshots`)).body.code).toBe('rebuild_required')
    await expectRefused(id, 'rebuild_required')
  })
  test('cut', async () => {
    const { id, dir } = await paused()
    await exchange(join(dir, name), async (path) => truncate(path, Math.floor((await stat(path)).size / 2)))
    await expectRefused(id, 'rebuild_required')
  })
  test('empty', async () => {
    const { id, dir } = await paused()
    await exchange(join(dir, name), (path) => truncate(path, 0))
    await expectRefused(id, 'rebuild_required')
  })
  test('changed', async () => {
    const { id, dir } = await paused()
    await exchange(join(dir, name), async (path) => flipByte(path, name === 'manifest.json' ? 5 : 0))
    await expectRefused(id, 'rebuild_required')
  })
  test('another machine’s', async () => {
    const [mine, other] = [await paused(), await paused()]
    await exchange(join(mine.dir, name), async (path) => void copy(join(other.dir, name), path))
    await world.call('DELETE', `/v1/machines/${other.id}`)
    await expectRefused(mine.id, 'rebuild_required')
  })
})

test.each(['memory', 'state'])('a changed %s whose time of change was set back is told apart by what is in it', async (name) => {
  const { id, dir } = await paused()
  const path = join(dir, name)
  const { size } = await stat(path)
  await exchange(path, async (changed) => {
    await flipByte(changed, name === 'memory' ? 100 : size - 2)
    execFileSync('touch', ['-r', path, changed])
  })
  await world.restart()
  await expectRefused(id, 'rebuild_required')
})

describe('a manifest', () => {
  test.each([
    ['of a later format', (manifest: Record<string, unknown>) => ({ ...manifest, format: 99 })],
    ['of something else', (manifest: Record<string, unknown>) => ({ ...manifest, magic: 'nullspace-golden' })],
    ['of another snapshot', (manifest: Record<string, unknown>) => ({ ...manifest, snapshot: 'snap_aaaaaaaaaaaaaaaaaaaa' })],
    ['without marks', ({ marks: _marks, ...manifest }: Record<string, unknown>) => manifest],
    ['that is no object', () => [1]],
  ])('%s', async (_what, change) => {
    const { id, dir } = await paused()
    const path = join(dir, 'manifest.json')
    await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))))
    await expectRefused(id, 'rebuild_required')
  })
})

test('a reusable snapshot that was damaged makes no machine, and can be deleted', async () => {
  const id = await counting(world)
  const snapshot = (await world.call('POST', `/v1/machines/${id}/snapshots`)).body.id
  await exchange(join(world.places.pool, 'snapshots', snapshot, 'memory'), (path) => flipByte(path, 0))
  const answer = await world.call('POST', '/v1/machines', { body: { snapshot_id: snapshot } })
  expect(answer.body.code).toBe('rebuild_required')
  expect((await world.call('GET', '/v1/machines')).body).toHaveLength(1)
  expect((await world.call('DELETE', `/v1/snapshots/${snapshot}`)).status).toBe(204)
  expect(await world.count(id)).toBe(2)
  await clearOut(world)
})

test('what another hypervisor saved is said to be that; with the old one back it resumes', async () => {
  const [{ id }, running] = [await paused(), await counting(world)]
  const snapshot = (await world.call('POST', `/v1/machines/${running}/snapshots`)).body.id
  await world.restart({}, '2.0.0')
  const refused = { status: 409, body: { code: 'incompatible_snapshot', error: expect.stringMatching(/1\.0\.0.*2\.0\.0/) } }
  expect(await world.call('POST', `/v1/machines/${id}/resume`)).toMatchObject(refused)
  expect(await world.call('POST', '/v1/machines', { body: { snapshot_id: snapshot } })).toMatchObject(refused)
  expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
  expect(await world.count(running)).toBe(2)
  await world.restart({}, '1.0.0')
  expect((await world.call('POST', `/v1/machines/${id}/resume`)).status).toBe(200)
  expect(await world.count(id)).toBe(2)
  await clearOut(world)
})
