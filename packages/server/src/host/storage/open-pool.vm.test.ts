// The three kinds of pool on real filesystems. Needs root, loop devices and xfsprogs.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStoragePool, unmountPool } from './open-pool.ts'
import { Op } from '../../observe/op.ts'

const run = promisify(execFile)
const MIB = 2 ** 20
const SIZE = 512 * MIB
const newOp = (): Op => new Op('test', { timeoutMs: 20_000 })
const mounts = (): Promise<string> => readFile('/proc/self/mountinfo', 'utf8')
const loops = async (): Promise<string> => (await run('losetup', ['--noheadings', '--output', 'BACK-FILE'])).stdout

async function expectNothingLeft(dataDir: string): Promise<void> {
  expect(await mounts()).not.toContain(dataDir.split(' ').at(-1))
  expect(await loops()).not.toContain(dataDir)
}

describe.skipIf(process.geteuid?.() !== 0)('openStoragePool', { timeout: 30_000 }, () => {
  let dataDir: string
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'nullspace pool '))
  })
  afterEach(async () => {
    await unmountPool(newOp(), dataDir)
    await expectNothingLeft(dataDir)
    await rm(dataDir, { recursive: true })
  })
  const openLoop = () => openStoragePool(newOp(), { dataDir, loopSizeBytes: SIZE, allowLoop: true })

  it('makes an XFS image and clones in it without taking space', async () => {
    const pool = await openLoop()
    expect(pool).toMatchObject({ kind: 'loop', root: join(dataDir, 'pool') })
    expect((await mounts()).split('\n').find((line) => line.includes(dataDir.split(' ').at(-1) ?? ''))).toMatch(/noatime.* - xfs .*discard/)
    await writeFile(join(pool.root, 'a'), Buffer.alloc(64 * MIB, 7), { flush: true })
    const before = (await pool.free()).freeBytes
    await pool.clone(newOp(), join(pool.root, 'a'), join(pool.root, 'b'))
    expect(before - (await pool.free()).freeBytes).toBeLessThan(MIB)
    const b = await open(join(pool.root, 'b'), 'r+')
    await b.write('changed', 5 * MIB)
    await b.close()
    expect((await readFile(join(pool.root, 'a'))).every((byte) => byte === 7)).toBe(true)
    expect((await readFile(join(pool.root, 'b'))).subarray(5 * MIB, 5 * MIB + 8).toString()).toBe('changed\x07')
  })

  it('finds its data again when open, and after a restart of the host', async () => {
    const first = await openLoop()
    await writeFile(join(first.root, 'kept'), 'yes')
    expect((await openLoop()).kind).toBe('loop')
    expect((await loops()).split('\n').filter((line) => line.trim() === join(dataDir, 'pool.xfs'))).toHaveLength(1)
    await unmountPool(newOp(), dataDir)
    await unmountPool(newOp(), dataDir)
    expect(await readdir(join(dataDir, 'pool'))).toEqual([])
    // Even where a new image would not be allowed, an existing one holds data and is mounted.
    const again = await openStoragePool(newOp(), { dataDir, loopSizeBytes: null, allowLoop: false })
    expect(again.kind).toBe('loop')
    expect(await readFile(join(again.root, 'kept'), 'utf8')).toBe('yes')
  })

  it('begins afresh after a crash while the image was made', async () => {
    await writeFile(join(dataDir, 'pool.xfs.new'), 'half an image')
    expect((await openLoop()).kind).toBe('loop')
    expect((await readdir(dataDir)).toSorted()).toEqual(['pool', 'pool.xfs'])
  })

  it('is an error, not another pool, when the image is damaged', async () => {
    await writeFile(join(dataDir, 'pool.xfs'), Buffer.alloc(MIB, 0xff))
    await expect(openLoop()).rejects.toThrow(/exists but cannot be mounted/)
    expect((await stat(join(dataDir, 'pool.xfs'))).size).toBe(MIB)
  })

  it('bounds what is free by the outer filesystem', async () => {
    const { bavail, bsize } = await statfs(dataDir)
    const pool = await openStoragePool(newOp(), { dataDir, loopSizeBytes: bavail * bsize * 4, allowLoop: true })
    const free = await pool.free()
    expect(pool.kind).toBe('loop')
    expect(free.freeBytes).toBeLessThan(bavail * bsize * 1.1)
    expect(free.totalBytes).toBeLessThan(bavail * bsize * 1.2)
  })

  it('clones refuse a name that exists and a kernel that cannot share blocks', async () => {
    const pool = await openLoop()
    await writeFile(join(pool.root, 'a'), 'a')
    await writeFile(join(pool.root, 'b'), 'b')
    await expect(pool.clone(newOp(), join(pool.root, 'a'), join(pool.root, 'b'))).rejects.toThrow(/EEXIST/)
    expect(await readFile(join(pool.root, 'b'), 'utf8')).toBe('b')
    await expect(pool.clone(newOp(), join(pool.root, 'a'), join(dataDir, 'elsewhere'))).rejects.toThrow(/EXDEV/)
    await expect(stat(join(dataDir, 'elsewhere'))).rejects.toThrow(/ENOENT/)
  })

  it('is native when the data directory lies on a filesystem with reflink', async () => {
    const outer = await openLoop()
    const inner = join(outer.root, 'data')
    const pool = await openStoragePool(newOp(), { dataDir: inner, loopSizeBytes: null, allowLoop: true })
    expect(pool).toMatchObject({ kind: 'native', root: join(inner, 'pool') })
    expect(await readdir(pool.root)).toEqual([])
  })

  it('copies sparsely where nothing else is to be had, and says why', async (test) => {
    await mkdir(join(dataDir, 'pool'))
    await writeFile(join(dataDir, 'pool', 'old'), 'data')
    const hidden = await openLoop()
    test.skip(hidden.kind === 'native', 'the scratch directory itself can reflink')
    expect(hidden).toMatchObject({ kind: 'copy', reason: expect.stringContaining('already holds data') })
    const pool = await openStoragePool(newOp(), { dataDir, loopSizeBytes: null, allowLoop: false })
    expect(pool.reason).toContain('not allowed by the configuration')
    const [from, to] = [join(pool.root, 'a'), join(pool.root, 'b')]
    const file = await open(from, 'wx', 0o640)
    await file.truncate(64 * MIB)
    await file.write('end', 64 * MIB - 3)
    await file.close()
    await pool.clone(newOp(), from, to)
    const copied = await stat(to)
    expect([copied.size, copied.mode & 0o777, copied.blocks * 512 < MIB]).toEqual([64 * MIB, 0o640, true])
    expect((await readFile(to)).subarray(-3).toString()).toBe('end')
    await expect(pool.clone(newOp(), from, to)).rejects.toThrow(/EEXIST/)
  })

  it('ends at the deadline', async () => {
    await expect(openStoragePool(new Op('late', { timeoutMs: 1 }), { dataDir, loopSizeBytes: SIZE, allowLoop: true })).rejects.toThrow(
      'late took longer than allowed',
    )
    expect((await openLoop()).kind).toBe('loop')
  })
})
