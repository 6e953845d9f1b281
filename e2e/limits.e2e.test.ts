// What a machine gets, and what a guest that wants more or worse can do: to itself anything, to others nothing.

import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cgroupsOf, hypervisorOf, namesOfVms, residentBytes } from './lib/host.ts'
import { CUT } from './lib/client.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const MIB = 1024 * 1024
/** Only to end a test that hangs. */
const PATIENCE = { withinMs: 60_000 }

const between = (low: number, high: number) => (value: number) => value > low && value <= high

describe('what was asked for is there', () => {
  const look = async (options: Readonly<Record<string, unknown>>) => {
    const machine = await shared.machine(options)
    const [vcpus, memoryKib, diskBytes, rootMib] = (
      await machine.text(
        [
          'nproc',
          "awk '/^MemTotal/ { print $2 }' /proc/meminfo",
          'blockdev --getsize64 /dev/vda',
          'df -BM --output=size / | tail -n 1 | tr -d M',
        ].join('; '),
      )
    )
      .split(/\s+/)
      .map(Number)
    await machine.destroy()
    return { asked: machine.info.config, vcpus, memoryMib: memoryKib! / 1024, diskMib: diskBytes! / MIB, rootMib: rootMib! } // one line each
  }

  test('without a wish: 1 vCPU, 256 MiB, the template’s disk', async () => {
    const { asked, ...seen } = await look({})
    expect(asked).toEqual({ vcpus: 1, memory_mb: 256, disk_mb: 4096 })
    expect(seen).toMatchObject({ vcpus: 1, diskMib: 4096 })
    // The kernel keeps some of both for itself.
    expect(seen.memoryMib).toSatisfy(between(190, 256))
    expect(seen.rootMib).toSatisfy(between(3600, 4096))
  })

  test('another shape and a larger disk', async () => {
    const { asked, ...seen } = await look({ vcpus: 2, memory_mb: 512, disk_mb: 8192 })
    expect(asked).toEqual({ vcpus: 2, memory_mb: 512, disk_mb: 8192 })
    expect(seen).toMatchObject({ vcpus: 2, diskMib: 8192 })
    expect(seen.memoryMib).toSatisfy(between(430, 512))
    expect(seen.rootMib).toSatisfy(between(7400, 8192))
  })
})

describe('a hostile guest', () => {
  let hostile: Machine
  let neighbour: Machine
  let daemonBytes: number

  beforeAll(async () => {
    ;[hostile, neighbour] = await Promise.all([shared.machine(), shared.machine()])
    daemonBytes = residentBytes(shared.pid)
  })
  afterEach(async () => {
    expect(await shared.client.health()).toBe(200)
    expect(await neighbour.text('echo unmoved')).toBe('unmoved')
    expect(residentBytes(shared.pid) - daemonBytes).toBeLessThan(100 * MIB)
  })
  const usableAgain = async (): Promise<void> => {
    const { body } = await until(
      () => hostile.exec({ command: 'echo usable', shell: true }),
      ({ status, body }) => status === 200 && body.exit_code === 0,
      PATIENCE,
    )
    expect(body.stdout).toBe('usable\n')
    expect((await hostile.get()).body.status).toBe('running')
  }

  test('a fork bomb ends with its time', async () => {
    const { status, body } = await hostile.exec({
      command: 'bash',
      args: ['-c', 'b() { b | b & }; b 2>/dev/null; sleep 60'],
      timeout_secs: 3,
    })
    expect([status, body.code]).toEqual([504, 'exec_timeout'])
    await usableAgain()
  })

  test('a command that takes all memory is killed, and only that', async () => {
    await hostile.background('exec sleep 5000')
    const { body } = await hostile.exec({
      command: 'python3',
      args: ['-c', 'b = []\nwhile True: b.append(b"x" * (32 << 20))'],
      timeout_secs: 60,
    })
    expect(body.exit_code).toBe(137)
    await usableAgain()
    expect(await hostile.text('pgrep -c -x sleep')).toBe('1')
  })

  test('a full disk is the guest’s own, and can be emptied', async () => {
    // Reserved without being written, all but the last piece: the host's disk is not ours to fill.
    const full =
      'fallocate -l $(( $(df -B1 --output=avail / | tail -n 1) - 8388608 )) /workspace/most && dd if=/dev/zero of=/workspace/rest bs=1M'
    const { exit_code, stderr } = await hostile.sh(full, { timeout_secs: 60 })
    expect([exit_code, stderr]).toEqual([1, expect.stringContaining('No space left on device')])
    expect(await hostile.sh('echo more > /workspace/more || echo full')).toMatchObject({ exit_code: 0, stdout: 'full\n' })
    await hostile.text('rm /workspace/most /workspace/rest')
    await usableAgain()
  })

  test('a command is told when the agent dies under it; the next one finds another agent', async () => {
    const { status, body } = await hostile.exec({ command: 'pkill -9 -x agent; sleep 60', shell: true, timeout_secs: 30 })
    expect({ status, code: body.code }).toEqual({ status: 502, code: 'machine_failed' })
    await usableAgain()
    expect(await hostile.text('pgrep -c -x sleep')).toBe('2')
  })

  test('killing everything in the guest leaves a guest', async () => {
    // Its own shell is spared by kill(2), so the command ends like any other or with the agent.
    const { status } = await hostile.exec({ command: 'kill -9 -1; sleep 0.1', shell: true, timeout_secs: 30 })
    expect([200, 502]).toContain(status)
    await usableAgain()
    expect((await hostile.sh('pgrep -c -x sleep')).stdout).toBe('0\n')
  })

  test('a guest that lets nobody through is still answered for, and can be destroyed', async () => {
    const [bombed, impostor] = await Promise.all([shared.machine(), shared.machine()])
    await bombed.background('b() { b | b & }; b; sleep 600')
    await impostor.python('import sys; open("seize.py", "w").write(sys.argv[1])', SEIZE)
    await impostor.background('exec python3 /workspace/seize.py')
    const refused = async (machine: Machine): Promise<number> => {
      const look = () => machine.exec({ command: 'true', timeout_secs: 1 })
      const { status } = await until(look, ({ status }) => status !== 200, { ...PATIENCE, what: 'a command no longer runs' })
      return status
    }
    const answers = await Promise.all([refused(bombed), refused(impostor)])
    // No room for one more process, none for it to run in, or nobody there who would start it.
    for (const status of answers) expect([502, 504, CUT]).toContain(status)
    for (const machine of [bombed, impostor]) {
      expect((await machine.get()).body.status).toBe('running')
      expect((await machine.destroy()).status).toBe(200)
    }
  })
})

/** Takes the agent's port as soon as nobody holds it, and talks nonsense for ever. */
const SEIZE = `
import os, subprocess
while True:
    try:
        port = os.open('/dev/vport0p1', os.O_RDWR)
        break
    except OSError:
        subprocess.run(['pkill', '-9', '-x', 'agent'])
while True:
    os.write(port, os.urandom(65536))
`

describe('the end of a VM that nobody asked for', () => {
  const ended = async (machine: Machine, end: () => Promise<unknown>) => {
    const vm = hypervisorOf(shared.place, machine.id)
    await end()
    const { body } = await until(
      () => machine.get(),
      ({ body }) => body.status === 'error',
      { ...PATIENCE, what: 'the machine is in error' },
    )
    await until(
      () => [...namesOfVms(shared.place)],
      (names) => !names.includes(vm.name),
      { ...PATIENCE, what: 'nothing of its VM is left' },
    )
    expect(cgroupsOf(vm.name)).toEqual([])
    const refused = await machine.exec({ command: 'true' })
    expect([refused.status, refused.body.code]).toEqual([409, 'machine_not_ready'])
    expect(refused.body.error).toContain(body.error_reason)
    expect((await machine.destroy()).status).toBe(200)
    expect((await machine.get()).status).toBe(404)
    return body.error_reason
  }

  test('killed from outside', async () => {
    const machine = await shared.machine()
    const running = machine.exec({ command: 'sleep', args: ['60'], timeout_secs: 70 })
    await machine.text('true')
    const { pid } = hypervisorOf(shared.place, machine.id)
    expect(await ended(machine, async () => process.kill(pid, 'SIGKILL'))).toContain('signal SIGKILL')
    const { status, body } = await running
    expect([status, body.code]).toEqual([502, 'machine_failed'])
  })

  test('switched off from inside', async () => {
    const machine = await shared.machine()
    expect(
      await ended(machine, () => machine.exec({ command: 'echo o > /proc/sysrq-trigger; sleep 5', shell: true, timeout_secs: 10 })),
    ).toMatch(/\w/)
  })

  test.each([
    ['restarted from inside', 'b'],
    ['a kernel that panics', 'c'],
  ])('%s', async (_what, request) => {
    const machine = await shared.machine()
    expect(
      await ended(machine, () => machine.exec({ command: `echo ${request} > /proc/sysrq-trigger`, shell: true, timeout_secs: 5 })),
    ).toMatch(/\w/)
  })
})
