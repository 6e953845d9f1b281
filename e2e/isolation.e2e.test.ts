// What stands between a guest that took over its hypervisor and everybody else: a user of its own without any rights,
// a filter of system calls, a namespace, bounds, and files that are closed to it.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { attempt as attemptFrom, uidOf } from './lib/breakout.ts'
import { cgroupsOf, type Hypervisor, hypervisorOf, namespaceOf, statusOf } from './lib/host.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const { place } = shared
const UIDS = 4096

let one: Hypervisor
let other: Hypervisor
beforeAll(async () => {
  const machines = await Promise.all([shared.machine({ envs: { SECRET: 'kept' } }), shared.machine()])
  ;[one, other] = machines.map(({ id }) => hypervisorOf(place, id)) as [Hypervisor, Hypervisor]
})

const diskOf = ({ name }: Hypervisor): string => join(place.dataDir, 'pool/machines', name, 'disk.qcow2')

const attempt = (from: Hypervisor, script: string): Promise<string> => attemptFrom(place, from, script)

describe('the process', () => {
  test('is a user of its own, of the daemon’s range, with no capability and no way to one', () => {
    for (const vm of [one, other]) {
      const uid = uidOf(vm)
      expect(uid - place.uidBase).toSatisfy((index: number) => index >= 0 && index < UIDS)
      const fields = ['Uid', 'Gid', 'NoNewPrivs', 'Seccomp', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']
      const none = '0'.repeat(16)
      expect(Object.fromEntries(fields.map((field) => [field, statusOf(vm.pid, field)]))).toEqual({
        Uid: Array(4).fill(uid).join('\t'),
        Gid: Array(4).fill(place.gid).join('\t'),
        NoNewPrivs: '1',
        // 2: a filter decides about each system call.
        Seccomp: '2',
        CapInh: none,
        CapPrm: none,
        CapEff: none,
        CapBnd: none,
        CapAmb: none,
      })
    }
    expect(uidOf(one)).not.toBe(uidOf(other))
  })

  test('belongs to no group that others have but the VMs’ own, and that of KVM', () => {
    const kvm = existsSync('/dev/kvm') ? [String(statSync('/dev/kvm').gid)] : []
    for (const vm of [one, other]) {
      const groups = statusOf(vm.pid, 'Groups')
        .split(/\s+/)
        .filter((group) => group !== '')
      expect(groups.filter((group) => !kvm.includes(group) && group !== String(place.gid))).toEqual([])
    }
  })

  test('has a network namespace of its own', () => {
    const names = [one, other].map(({ pid }) => namespaceOf(place, pid))
    expect(names).toEqual([expect.any(String), expect.any(String)])
    expect(new Set(names).size).toBe(2)
  })

  test('carries nothing of the daemon’s environment', () => {
    const names = readFileSync(`/proc/${one.pid}/environ`, 'utf8')
      .split('\0')
      .map((entry) => entry.split('=')[0])
    expect(names.filter((name) => name !== '').toSorted()).toEqual(['LC_ALL', 'PATH'])
  })

  test('is bounded in memory and processes where the host can do that', ({ skip }) => {
    skip(
      !['/sys/fs/cgroup/cgroup.controllers', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].some((path) => existsSync(path)),
      'no memory controller here',
    )
    const groups = cgroupsOf(one.name)
    expect(groups).not.toEqual([])
    for (const group of groups) expect(readFileSync(join(group, 'cgroup.procs'), 'utf8').trim()).toBe(String(one.pid))
    const limits = groups.flatMap((group) =>
      ['memory.max', 'memory.limit_in_bytes', 'pids.max'].map((file) => join(group, file)).filter((path) => existsSync(path)),
    )
    const values = limits.map((path) => readFileSync(path, 'utf8').trim())
    expect(values).toHaveLength(2)
    for (const value of values) expect(value).toMatch(/^\d+$/)
    expect(Math.max(...values.map(Number))).toBeLessThan(2 ** 30)
  })
})

describe('whoever got out of one VM', () => {
  test('is who the test takes him for: his own disk is open to him', async () => {
    expect(await attempt(one, `test -r '${diskOf(one)}' && id -u`)).toBe(`done: ${uidOf(one)}`)
  })

  test('cannot see, read or write what is another’s', async () => {
    for (const script of [
      `ls '${other.dir}'`,
      `cat '${diskOf(other)}'`,
      `echo x >> '${diskOf(other)}'`,
      `ls '${join(diskOf(other), '..')}'`,
      `cat '/proc/${other.pid}/environ'`,
      `ls -l '/proc/${other.pid}/exe'`,
      `ls '/proc/${other.pid}/fd'`,
    ]) {
      expect(await attempt(one, script)).toMatch(/Permission denied/)
    }
  })

  test('cannot speak to another’s hypervisor or agent, nor signal it', async () => {
    const connect = (socket: string): string => `python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('${socket}')"`
    const sockets = readdirSync(other.dir)
      .map((name) => join(other.dir, name))
      .filter((path) => statSync(path).isSocket())
    expect(sockets).toHaveLength(2)
    for (const socket of sockets) expect(await attempt(one, connect(socket))).toMatch(/Permission denied/)
    expect(await attempt(one, `kill -9 ${other.pid}`)).toMatch(/not permitted/)
    expect(await attempt(one, `kill -9 ${shared.pid}`)).toMatch(/not permitted/)
  })

  test('cannot read the daemon’s secrets, nor list what it has', async () => {
    for (const name of ['operator-api-key', 'nullspace.db', 'nullspace.db-wal']) {
      expect(existsSync(join(place.dataDir, name)), name).toBe(true)
      expect(await attempt(one, `cat '${join(place.dataDir, name)}'`), name).toMatch(/Permission denied/)
    }
    for (const dir of [place.dataDir, join(place.dataDir, 'pool/machines'), place.runRoot, join(place.runRoot, 'vm')])
      expect(await attempt(one, `ls '${dir}'`)).toMatch(/Permission denied/)
    expect(await attempt(one, `cat '${shared.clientDir}/nullspace/config.json'`)).toMatch(/Permission denied/)
  })

  test('cannot change what other machines are made from', async () => {
    const templates = join(place.dataDir, 'pool/templates')
    const files = readdirSync(templates, { recursive: true, encoding: 'utf8' }).map((name) => join(templates, name))
    expect(files.length).toBeGreaterThan(5)
    const writable: string[] = []
    for (const file of files) if ((await attempt(one, `test -w '${file}'`)).startsWith('done')) writable.push(file)
    // QEMU before 8.2 maps only what it may write to, and the daemon refuses a memory file that was written to.
    expect(writable.filter((file) => !file.endsWith('/memory'))).toEqual([])
  })
})
