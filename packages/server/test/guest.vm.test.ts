// The daemon's side of the agent channel against the agent itself, in a real guest: what only its kernel can confirm.

import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Vm } from '@nullspace/vmm/driver.ts'
import { useFixture } from '@nullspace/vmm/exam/fixture.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { qemuExaminee, testImages } from '@nullspace/vmm/qemu/examinee.ts'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { GuestClient } from '../src/host/guest/client.ts'
import type { Renewal } from '../src/host/guest/guest.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const MIB = 1024 * 1024

describe.runIf(testImages)('the agent in a real guest', { timeout: 60_000 }, () => {
  const here = useFixture(() => qemuExaminee(testImages ?? ''))
  const { op } = here

  beforeAll(() => here.makeGolden(), 180_000)

  const meet = async (vm: Vm): Promise<GuestClient> => {
    const guest = new GuestClient((connectOp) => vm.connect(connectOp))
    onTestFinished(() => guest.close())
    await guest.renew(op('renew'), another('first'))
    return guest
  }
  const another = (hostname: string, disconnect = false): Renewal => {
    return { kind: 'new', hostname, machineId: randomBytes(16), seed: randomBytes(64), disconnect }
  }
  const same = (): Renewal => ({ kind: 'same', seed: randomBytes(64) })
  const shell = async (guest: GuestClient, text: string): Promise<string> => {
    const request = { argv: ['sh', '-c', text], env: {}, cwd: '/', user: '', timeoutMs: 20_000, outputLimit: MIB }
    const { exitCode, stdout, stderr } = await guest.exec(op(text), request)
    expect(stderr.toString(), text).toBe('')
    expect(exitCode, text).toBe(0)
    return stdout.toString()
  }

  test('says what it has used', async () => {
    const vm = await here.restore()
    const guest = await meet(vm)
    const before = await guest.stat(op('stat'))
    expect(before).toMatchObject({ cpuCount: 1, netRxBytes: 0 })
    expect(before.memTotalBytes).toBeGreaterThan(128 * MIB)
    expect(before.memTotalBytes).toBeLessThanOrEqual(here.examinee.memoryMb * MIB)
    expect(before.diskTotalBytes).toBeGreaterThan(3072 * MIB)
    await shell(guest, 'head -c 8M /dev/urandom > /root/filled; head -c 8M /dev/urandom > /dev/shm/filled')
    const after = await guest.stat(op('stat'))
    expect(after.diskUsedBytes - before.diskUsedBytes).toBeGreaterThanOrEqual(8 * MIB)
    expect(before.memAvailableBytes - after.memAvailableBytes).toBeGreaterThan(4 * MIB)
    const [total, idle] = [after.cpuTotalTicks - before.cpuTotalTicks, after.cpuIdleTicks - before.cpuIdleTicks]
    expect(total).toBeGreaterThan(0)
    expect(idle).toBeLessThan(total)
    await vm.kill(op('kill'))
  })

  test('goes on as the same machine after a pause, with the time as it is, and becomes another one when told so', async () => {
    const vm = await here.restore()
    const guest = await meet(vm)
    const names = (): Promise<string> =>
      shell(guest, 'hostname; cat /etc/hostname /etc/machine-id /proc/sys/kernel/random/boot_id /etc/hosts')
    const own = await names()
    expect(own).toMatch(/^first\nfirst\n/)
    await shell(guest, 'date -s 2001-01-01 > /dev/null')
    await guest.quiesce(op('quiesce'))
    guest.close('The machine is paused')
    await vm.pause(op('pause'))
    await expect(guest.exec(op('exec'), { argv: ['true'], env: {}, cwd: '/', user: '', timeoutMs: 0, outputLimit: 0 })).rejects.toThrow(
      'The machine is paused',
    )
    await vm.resume(op('resume'))
    await guest.renew(op('renew'), same())
    expect(await names()).toBe(own)
    expect(Number(await shell(guest, 'date +%Y'))).toBeGreaterThan(2020)

    await guest.renew(op('renew'), another('second', true))
    const [, , machineId, bootId] = own.split('\n')
    expect(await names()).toMatch(/^second\nsecond\n/)
    expect(await names()).not.toContain(machineId)
    expect(await names()).not.toContain(bootId)
    await vm.kill(op('kill'))
  })

  test('commands run on through a quiesce and a thaw, and lose nothing of what they print', async () => {
    const vm = await here.restore()
    const guest = await meet(vm)
    const printed = shell(guest, 'for i in 1 2 3 4 5 6 7 8; do seq 1000; sleep 0.1; done')
    await shell(guest, 'sleep 0.2')
    await guest.quiesce(op('quiesce'))
    const late = shell(guest, 'echo late')
    await vm.pause(op('pause'))
    await vm.resume(op('resume'))
    guest.thaw()
    const seq = Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join('')
    expect(await printed).toBe(seq.repeat(8))
    expect(await late).toBe('late\n')
    await vm.kill(op('kill'))
  })

  test.runIf(isRoot)('connections to others end when it becomes another machine, and those inside it do not', async () => {
    const netns = `nsg${process.pid}`
    const wanted = await here.spec({ network: { netns, tap: 'tap0' } })
    await run('ip', ['netns', 'add', netns])
    onTestFinished(async () => void (await run('ip', ['netns', 'delete', netns])))
    await run('ip', ['-n', netns, 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'user', `${wanted.uid}`])
    await run('ip', ['-n', netns, 'addr', 'add', '10.111.0.1/30', 'dev', 'tap0'])
    await run('ip', ['-n', netns, 'link', 'set', 'tap0', 'up'])
    const peer = spawn('ip', ['netns', 'exec', netns, 'python3', '-c', ACCEPT], { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void peer.stdin.end())
    const said: string[] = []
    createInterface(peer.stdout).on('line', (line) => said.push(line))
    await until(
      () => said.length,
      (lines) => lines === 1,
      { what: 'a listener' },
    )

    const vm = await here.driver.restore(op('restore'), wanted)
    const guest = await meet(vm)
    await shell(guest, `python3 -c '${TALK}' > /root/talk 2>&1 &`)
    const talk = async (passes: (text: string) => boolean): Promise<string> =>
      until(() => shell(guest, 'cat /root/talk'), passes, { withinMs: 20_000, what: 'the talk in the guest' })
    await talk((text) => text === 'connected\n')
    await guest.renew(op('renew'), same())
    expect(await talk(() => true)).toBe('connected\n')
    await guest.renew(op('renew'), another('second', true))
    expect(await talk((text) => text.includes('\n2'))).toBe('connected\nECONNABORTED\n2 still there\n')
    await vm.kill(op('kill'))
  })
})

/** Takes one connection and holds it until its input ends. */
const ACCEPT = `
import socket, sys
server = socket.create_server(("10.111.0.1", 7000))
print("listening", flush=True)
connection = server.accept()
sys.stdin.read()
`
/** Waits for a word on a connection to another machine; when that ends, says something on one inside this one. */
const TALK = `
import socket, errno
away = socket.create_connection(("10.111.0.1", 7000))
server = socket.create_server(("10.111.0.2", 7001))
inside = socket.create_connection(("10.111.0.2", 7001))
print("connected", flush=True)
try:
    print(away.recv(1), flush=True)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
inside.send(b"2 still there")
print(server.accept()[0].recv(100).decode(), flush=True)
`
