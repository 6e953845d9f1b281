import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { findCgroups } from './cgroup.ts'

const spec = { id: 'm1', dir: '/d', uid: 1, gid: 1, vcpus: 2, memoryMb: 512, disk: '/q', backing: [], network: null }
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cgroup-'))
})
afterEach(() => rm(root, { recursive: true }))

const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')

test('one tree (v2)', async () => {
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids')
  const groups = findCgroups('ns', root)
  groups.prepare(spec)
  await groups.enter('m1', 42)
  expect([read('cgroup.subtree_control'), read('ns', 'cgroup.subtree_control')]).toEqual(['+memory +pids', '+memory +pids'])
  expect([read('ns/m1/memory.max'), read('ns/m1/pids.max'), read('ns/m1/cgroup.procs')]).toEqual([`${(512 + 256) * 1024 ** 2}`, '82', '42'])
  writeFileSync(join(root, 'ns/m1/memory.events'), 'low 0\noom 1\noom_kill 1\n')
  expect(groups.memoryKills('m1')).toBe(1)
})

test('a tree per controller (v1)', async () => {
  for (const name of ['memory', 'pids']) mkdirSync(join(root, name))
  writeFileSync(join(root, 'memory/memory.limit_in_bytes'), '9223372036854771712')
  const groups = findCgroups('ns', root)
  groups.prepare(spec)
  await groups.enter('m1', 42)
  expect([read('memory/ns/m1/memory.limit_in_bytes'), read('pids/ns/m1/pids.max')]).toEqual([`${(512 + 256) * 1024 ** 2}`, '82'])
  expect([read('memory/ns/m1/cgroup.procs'), read('pids/ns/m1/cgroup.procs')]).toEqual(['42', '42'])
  expect(groups.memoryKills('m1')).toBe(0)
})

test('none, and it says so', async () => {
  const groups = findCgroups('ns', root)
  groups.prepare(spec)
  await groups.enter('m1', 42)
  await groups.remove(new Op('remove', { timeoutMs: 100 }), 'm1')
  expect(groups.reason.replace(root, 'ROOT')).toBe('No memory controller below ROOT: VMs are not bounded')
  expect(findCgroups(null, root).reason).toContain('not bounded')
})

test('one that may not be written to is as good as none', () => {
  writeFileSync(join(root, 'cgroup.controllers'), 'memory pids')
  mkdirSync(join(root, 'cgroup.subtree_control'))
  expect(findCgroups('ns', root).reason).toContain('cannot be used')
})
