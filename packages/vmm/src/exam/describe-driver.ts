// One exam for every driver: what the rest of the system relies on, said once. A fake that passes it may stand in.

import { until } from './until.ts'
import { copyFile, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { describeCapture } from './describe-capture.ts'
import { useFixture, type Examinee } from './fixture.ts'
import { flipByte, refusal } from './refusal.ts'

export function describeDriver(name: string, makeExaminee: () => Promise<Examinee>): void {
  describe(`driver exam: ${name}`, { timeout: 60_000 }, () => {
    const exam = useFixture(makeExaminee)
    const { path, op, spec, restore, meet } = exam

    test('says what it is', async () => {
      const info = await exam.driver.info()
      expect(info.version).toMatch(/^\d+\.\d+\.\d+$/)
      expect(info.acceleratorReason).not.toBe('')
      expect(info.boundsReason).not.toBe('')
    })

    // The others restore what this one leaves.
    test('boots a guest, and seals it into a golden snapshot', { timeout: 180_000 }, async () => {
      await exam.makeGolden(async (guest, vm) => {
        expect(guest.welcome).toMatchObject({ renewed: false, agentStarts: 1, error: '' })
        expect((await guest.exec(['sh', '-c', 'true'])).exit).toMatchObject({ exitCode: 0 })
        expect((await guest.exec(['python3', '--version'])).stdout).toBe('Python 3.11.2\n')
        const never = { memoryFile: path('never'), stateFile: path('never'), sumsFile: path('never') }
        const capture = vm.capture(op('capture'), { ...never, whileStopped: () => Promise.resolve(), afterwards: 'run' })
        expect(await refusal(capture)).toBe('unsupported')
      })
      expect(await exam.driver.list(exam.examinee.root)).toEqual([])
    })

    test('restores two machines from one snapshot, each with an identity of its own', async () => {
      const vms = await Promise.all([restore(), restore()])
      const seen = []
      for (const [index, vm] of vms.entries()) {
        const guest = await meet(vm, { hostname: `machine-${index}` })
        expect(guest.welcome).toMatchObject({ renewed: true, error: '' })
        seen.push({
          host: (await guest.exec(['hostname'])).stdout.trim(),
          id: (await guest.exec(['cat', '/etc/machine-id'])).stdout.trim(),
        })
      }
      expect(seen.map(({ host }) => host)).toEqual(['machine-0', 'machine-1'])
      expect(new Set(seen.map(({ id }) => id)).size).toBe(2)
      expect((await exam.driver.list(exam.examinee.root)).sort()).toEqual(vms.map(({ handle }) => handle.id).sort())
      for (const vm of vms) await vm.kill(op('kill'))
    })

    test('runs commands: output, input, exit codes, signals, deadlines', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'commands' })
      const script = (text: string, options = {}) => guest.exec(['sh', '-c', text], options)

      expect(await script('echo out; echo err >&2; exit 7')).toMatchObject({
        exit: { exitCode: 7, signal: 0, timedOut: false },
        stdout: 'out\n',
        stderr: 'err\n',
      })
      expect(await script('echo "$GREETING"', { env: ['GREETING=hello world'] })).toMatchObject({ stdout: 'hello world\n' })
      expect(await guest.exec(['cat'], { stdin: 'x'.repeat(100_000) })).toMatchObject({
        exit: { exitCode: 0 },
        stdout: 'x'.repeat(100_000),
      })
      expect(await guest.exec(['pwd'], { cwd: '/tmp' })).toMatchObject({ stdout: '/tmp\n' })
      expect(await script('kill -9 $$')).toMatchObject({ exit: { exitCode: 137, signal: 9 } })
      expect(await guest.exec(['sleep', '30'], { timeoutMs: 300 })).toMatchObject({ exit: { timedOut: true, signal: 15 } })
      expect(await script("trap '' TERM; sleep 30", { timeoutMs: 300, graceMs: 200 })).toMatchObject({
        exit: { timedOut: true, signal: 9 },
      })
      expect(await guest.exec(['no-such-program'])).toMatchObject({ exit: null, failed: { reason: 'program_not_found' } })
      expect(await guest.exec(['true'], { cwd: '/no/such/directory' })).toMatchObject({ exit: null, failed: { reason: 'bad_cwd' } })
      const flood = await guest.exec(['yes'], { timeoutMs: 500, outputLimit: 1000 })
      expect(flood).toMatchObject({ exit: { timedOut: true }, stdout: 'y\n'.repeat(500) })
      expect(flood.exit?.droppedStdout).toBeGreaterThan(0n)
      await vm.kill(op('kill'))
    })

    test('what a machine does to its disk and memory stays its own', async () => {
      const [first, second] = [await restore(), await restore()]
      const [one, two] = [await meet(first, { hostname: 'one' }), await meet(second, { hostname: 'two' })]
      await one.exec(['sh', '-c', 'echo mine > /root/file'])
      expect(await one.exec(['cat', '/root/file'])).toMatchObject({ stdout: 'mine\n' })
      expect(await two.exec(['cat', '/root/file'])).toMatchObject({ exit: { exitCode: 1 } })
      await first.kill(op('kill'))
      await second.kill(op('kill'))
    })

    test('pauses and resumes', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'paused' })
      await vm.pause(op('pause'))
      const answered = guest.ping().then(() => 'answered')
      expect(await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 200, 'silent'))])).toBe('silent')
      await vm.resume(op('resume'))
      expect(await answered).toBe('answered')
      await vm.kill(op('kill'))
    })

    test('enlarges the disk, and never makes it smaller', async () => {
      const vm = await restore()
      await vm.resizeDisk(op('grow'), 8 * 1024 ** 3)
      await vm.resizeDisk(op('shrink'), 1024 ** 2)
      const guest = await meet(vm, { hostname: 'disk' })
      await until(
        () => exam.examinee.diskSize(vm, guest),
        (bytes) => bytes === 8 * 1024 ** 3,
        { what: 'the new size in the guest' },
      )
      await vm.kill(op('kill'))
    })

    test('says what it uses, as long as it runs', async () => {
      const vm = await restore()
      const usage = await vm.usage()
      expect(vm.held).toBeNull()
      expect(usage?.memoryBytes).toBeGreaterThan(1024 ** 2)
      await vm.kill(op('kill'))
      expect(await vm.usage()).toBeNull()
    })

    test('is killed, and killed again', async () => {
      const vm = await restore()
      await vm.kill(op('kill'))
      await vm.kill(op('kill again'))
      expect((await vm.exited).reason).not.toBe('')
      expect(await refusal(vm.connect(op('connect')))).toBe('vm_gone')
      await exam.driver.sweep(op('sweep'), { id: 'never-was', dir: path('never-was') })
    })

    test('starts again over what a first attempt left', async () => {
      const once = await spec()
      await mkdir(once.dir)
      await writeFile(join(once.dir, 'log'), 'cut off')
      await exam.driver.restore(op('restore'), once)
      const vm = await exam.driver.restore(op('restore again'), once)
      expect((await meet(vm, { hostname: 'again' })).welcome).toMatchObject({ renewed: true })
      expect(await exam.driver.list(exam.examinee.root)).toEqual([once.id])
      await vm.kill(op('kill'))
    })

    test('a second connection takes the place of the first', async () => {
      const vm = await restore()
      const first = await vm.connect(op('connect'))
      const guest = await meet(vm, { hostname: 'second' })
      expect(first.destroyed).toBe(true)
      await guest.ping()
      await vm.kill(op('kill'))
    })

    test('tells of an end that nobody here asked for', async () => {
      const vm = await restore()
      await exam.examinee.crash(vm)
      expect((await vm.exited).reason).toMatch(/signal SIG/)
      expect(await vm.usage()).toBeNull()
      await vm.kill(op('kill'))
    })

    test('is taken over by the next daemon, with its processes', async () => {
      const vm = await restore()
      const before = await meet(vm, { hostname: 'adopted' })
      await before.exec(['sh', '-c', 'echo kept > /tmp/kept'])
      ;(await vm.connect(op('half-open'))).destroy()
      await exam.nextDaemon()

      const handle = structuredClone(vm.handle)
      const adopted = await exam.driver.adopt(op('adopt'), handle)
      if (!adopted) throw new Error('not adopted')
      const after = await meet(adopted, { flush: true })
      expect(await after.exec(['cat', '/tmp/kept'])).toMatchObject({ stdout: 'kept\n' })
      expect(await after.exec(['hostname'])).toMatchObject({ stdout: 'adopted\n' })
      await adopted.pause(op('pause'))
      await adopted.resume(op('resume'))
      expect(await refusal(adopted.seal(op('seal'), path('no-state')))).toBe('unsupported')
      await exam.examinee.crash(adopted)
      expect((await adopted.exited).reason).not.toBe('')
      expect(await exam.driver.adopt(op('adopt the dead'), handle)).toBeNull()
      await adopted.kill(op('kill'))
    })

    describeCapture(exam)

    test('does not adopt another process with the same pid', async () => {
      const vm = await restore()
      const { handle } = vm
      expect(await exam.driver.adopt(op('adopt'), { ...handle, startTime: `${Number(handle.startTime) + 1}` })).toBeNull()
      expect(await exam.driver.adopt(op('adopt'), { ...handle, bootId: 'another' })).toBeNull()
      expect(await exam.driver.adopt(op('adopt'), { ...handle, pid: process.pid })).toBeNull()
      await vm.kill(op('kill'))
    })

    test('refuses what cannot work, and leaves nothing of it', async () => {
      let copies = 0
      const memoryOf = async (bytes: number): Promise<string> => {
        const file = path(`bad-${bytes}`)
        await writeFile(file, '')
        await truncate(file, bytes)
        return file
      }
      const changedState = async (change: (copy: string) => Promise<void>): Promise<string> => {
        const copy = path(`bad-state-${++copies}`)
        await copyFile(exam.golden.stateFile, copy)
        await change(copy)
        return copy
      }
      const bad = {
        'missing disk': { disk: path('nowhere.qcow2') },
        'missing memory': { memoryFile: path('nowhere') },
        'missing state': { stateFile: path('nowhere') },
        'long memory': { memoryFile: await memoryOf((exam.examinee.memoryMb + 1) * 1024 ** 2) },
        'short memory': { memoryFile: await memoryOf(1024) },
        'empty state': { stateFile: await changedState((copy) => truncate(copy, 0)) },
        'short state': { stateFile: await changedState((copy) => truncate(copy, 6000)) },
        'changed state': { stateFile: await changedState((copy) => flipByte(copy, 4096 + 5)) },
        'memory as state': { stateFile: exam.golden.memoryFile },
        'other shape': { vcpus: 2 },
        'long socket path': { dir: path('x'.repeat(120)) },
      }
      const refusals: Record<string, string> = {}
      for (const [what, over] of Object.entries(bad)) refusals[what] = await refusal(restore(over))
      expect(refusals).toEqual({
        'missing disk': 'bad_snapshot',
        'missing memory': 'bad_snapshot',
        'missing state': 'bad_snapshot',
        'long memory': 'bad_snapshot',
        'short memory': 'bad_snapshot',
        'empty state': 'bad_snapshot',
        'short state': 'bad_snapshot',
        'changed state': 'bad_snapshot',
        'memory as state': 'bad_snapshot',
        'other shape': 'incompatible_snapshot',
        'long socket path': 'launch_failed',
      })
      for (const entry of await readdir(exam.examinee.root)) if (entry.startsWith('bad')) await rm(path(entry))
    })

    test('gives up in time, and leaves nothing', async () => {
      using late = new Op('restore', { timeoutMs: 1 })
      await expect(exam.driver.restore(late, await spec())).rejects.toThrow('longer than allowed')
      expect(await exam.driver.list(exam.examinee.root)).toEqual([])
    })
  })
}
