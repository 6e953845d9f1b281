// The part of the exam on capture: copies of machines that run.

import { copyFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { readOwnBytes, verifyMemory } from '../memory-sums.ts'
import { decodeSums, PAGE_BYTES } from '../sums-format.ts'
import type { Vm } from '../driver.ts'
import type { Fixture } from './fixture.ts'
import type { Guest } from './guest.ts'
import { flipByte, refusal } from './refusal.ts'
import { until } from './until.ts'

export function describeCapture(exam: Fixture): void {
  const { op, path, restore, meet, capture } = exam
  const shell = async (guest: Guest, script: string): Promise<string> => (await guest.exec(['sh', '-c', script])).stdout.trim()
  const count = (guest: Guest): Promise<number> => exam.examinee.count(guest)
  /** A number that was told by its guest, and then a larger one. */
  const growsPast = async (guest: Guest, number: number): Promise<number> =>
    until(
      () => count(guest),
      (now) => now > number,
      { what: `more than ${number}` },
    )
  const kill = async (...vms: Vm[]): Promise<void> => {
    for (const vm of vms) await vm.kill(op('kill'))
  }

  describe('captures', () => {
    afterEach(() => exam.removeCaptures())

    test('a machine that runs on, and its copy goes on from the same moment', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'source' })
      await exam.examinee.startCounting(guest)
      await shell(guest, 'echo before > /tmp/memory; echo before > /root/disk; sync')
      const before = await count(guest)
      const running = guest.exec(['sh', '-c', 'sleep 1; echo done'])
      const snapshot = await capture(vm)
      expect(snapshot.captured.ownBytes).toBe(await readOwnBytes(snapshot.sumsFile))
      expect(snapshot.captured.ownBytes).toBeGreaterThan(0)
      expect(snapshot.captured.stoppedMs).toBeGreaterThan(0)
      await shell(guest, 'echo after > /tmp/memory; echo after > /root/disk')

      const fork = await restore({}, snapshot)
      const copy = await meet(fork, { hostname: 'copy' })
      expect(copy.welcome).toMatchObject({ renewed: true, agentStarts: 1, error: '' })
      expect(await shell(copy, 'cat /tmp/memory /root/disk; hostname')).toBe('before\nbefore\ncopy')
      const copied = await growsPast(copy, before)
      await vm.pause(op('pause'))
      await growsPast(copy, copied)
      await kill(fork)
      await vm.resume(op('resume'))
      await growsPast(guest, before)
      expect(await running).toMatchObject({ exit: { exitCode: 0 }, stdout: 'done\n' })
      expect(await shell(guest, 'cat /tmp/memory /root/disk; hostname')).toBe('after\nafter\nsource')
      await kill(vm)
    })

    test('a copy by its own pages alone, over the file that its source maps', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'source' })
      await exam.examinee.startCounting(guest)
      await shell(guest, 'echo kept > /tmp/memory; echo kept > /root/disk; sync')
      const before = await count(guest)
      const snapshot = await capture(vm)
      const { memoryFile, memoryAccess } = exam.golden
      const over = { ...snapshot, memoryFile, memoryAccess }
      const copies = await Promise.all([1, 2].map(() => restore({ overlay: snapshot }, over)))
      for (const [index, copy] of copies.entries()) {
        const its = await meet(copy, { hostname: `copy-${index}` })
        expect(await shell(its, 'cat /tmp/memory /root/disk; hostname')).toBe(`kept\nkept\ncopy-${index}`)
        await growsPast(its, before)
        // What was laid is its own, and is saved with it.
        const again = await capture(copy)
        expect(again.captured.ownBytes).toBeGreaterThanOrEqual(snapshot.captured.ownBytes)
      }
      const bad = path('capture-bad.memory')
      await copyFile(snapshot.memoryFile, bad)
      await flipByte(bad, firstPageOf(await readFile(snapshot.sumsFile)) * PAGE_BYTES + 100)
      const damaged = { memoryFile: bad, sumsFile: snapshot.sumsFile }
      expect(await refusal(restore({ overlay: damaged }, over))).toBe('bad_snapshot')
      expect((await exam.driver.list(exam.examinee.root)).length).toBe(3)
      await kill(vm, ...copies)
    })

    test('the copy of a copy, whose files have no name any more', async () => {
      const vm = await restore()
      await exam.examinee.startCounting(await meet(vm, { hostname: 'first' }))
      const first = await capture(vm)
      const child = await restore({}, first)
      const guest = await meet(child, { hostname: 'second' })
      await shell(guest, 'echo second > /tmp/memory; echo second > /root/disk; sync')
      const counted = await count(guest)
      const second = await capture(child, {
        async prepared() {
          for (const file of [first.memoryFile, first.stateFile, first.sumsFile]) await rm(file)
        },
      })
      const grandchild = await restore({}, second)
      const last = await meet(grandchild, { hostname: 'third' })
      expect(await shell(last, 'cat /tmp/memory /root/disk; hostname')).toBe('second\nsecond\nthird')
      await growsPast(last, counted)
      await kill(vm, child, grandchild)
    })

    test('a machine that stays where it is, to go on later', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'asleep' })
      await exam.examinee.startCounting(guest)
      const counted = await count(guest)
      const first = await capture(vm, { afterwards: 'stay' })
      const answered = guest.ping().then(() => 'answered')
      expect(await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 200, 'silent'))])).toBe('silent')
      await vm.resume(op('resume'))
      expect(await answered).toBe('answered')
      const second = await capture(vm, { afterwards: 'stay' })
      await kill(vm)
      for (const snapshot of [first, second]) {
        const woken = await restore({}, snapshot)
        await growsPast(await meet(woken, { hostname: 'awake' }), counted)
        await kill(woken)
      }
    })

    test('one that several are restored from at once, and that nobody else may read', async () => {
      const vm = await restore()
      await shell(await meet(vm, { hostname: 'source' }), 'echo secret > /tmp/memory')
      const snapshot = await capture(vm)
      await kill(vm)
      const vms = await Promise.all([1, 2, 3].map(() => restore({}, snapshot)))
      const { uid, mode } = await stat(snapshot.memoryFile)
      expect([uid, mode & 0o777]).toEqual([process.getuid?.(), 0o600])
      const guests = await Promise.all(vms.map((each, index) => meet(each, { hostname: `fork-${index}` })))
      for (const [index, guest] of guests.entries()) {
        expect(await shell(guest, 'cat /tmp/memory; hostname')).toBe(`secret\nfork-${index}`)
      }
      await verifyMemory(op('verify'), snapshot.memoryFile, snapshot.sumsFile)
      await kill(...vms)
    })

    test('a machine that was taken over', async () => {
      const vm = await restore()
      await shell(await meet(vm, { hostname: 'adopted' }), 'echo kept > /tmp/memory')
      ;(await vm.connect(op('half-open'))).destroy()
      await exam.nextDaemon()
      const adopted = await exam.driver.adopt(op('adopt'), structuredClone(vm.handle))
      if (!adopted) throw new Error('not adopted')
      const snapshot = await capture(adopted)
      const fork = await restore({}, snapshot)
      expect(await shell(await meet(fork, { hostname: 'copy' }), 'cat /tmp/memory; hostname')).toBe('kept\ncopy')
      expect(await shell(await meet(adopted, { flush: true }), 'cat /tmp/memory; hostname')).toBe('kept\nadopted')
      await kill(adopted, fork)
    })

    test('nothing where something fails, and the machine runs on', async () => {
      const vm = await restore()
      const guest = await meet(vm, { hostname: 'unharmed' })
      await expect(capture(vm, { whileStopped: () => Promise.reject(new Error('no disk')) })).rejects.toThrow('no disk')
      await guest.ping()
      const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
      expect(await refusal(capture(vm, { whileStopped: () => Promise.reject(full) }))).toBe('no_space')
      await guest.ping()
      using late = new Op('capture', { timeoutMs: 500 })
      await expect(capture(vm, { op: late, whileStopped: () => new Promise(() => {}) })).rejects.toThrow('longer than allowed')
      await guest.ping()
      const [stopped, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const whileStopped = (): Promise<void> => {
        stopped.resolve()
        return goOn.promise
      }
      const first = capture(vm, { whileStopped })
      await stopped.promise
      expect(await refusal(capture(vm))).toBe('control_failed')
      goOn.resolve()
      const { memoryFile, sumsFile, stateFile } = await first
      await guest.ping()

      const again = {
        memoryFile,
        sumsFile: path('capture-sums'),
        stateFile: path('capture-state'),
        afterwards: 'run',
        whileStopped: () => Promise.resolve(),
      } as const
      expect(await refusal(vm.capture(op('over'), { ...again, stateFile }))).toBe('control_failed')
      expect(await refusal(vm.capture(op('over'), { ...again, sumsFile }))).toBe('control_failed')
      await truncate(memoryFile, PAGE_BYTES)
      expect(await refusal(vm.capture(op('short'), again))).toBe('bad_snapshot')
      await kill(vm)
      expect(await refusal(vm.capture(op('dead'), again))).toBe('vm_gone')
    })

    test('what damage is seen in', { timeout: 60_000 }, async () => {
      const vm = await restore()
      await meet(vm, { hostname: 'damaged' })
      const snapshot = await capture(vm)
      await kill(vm)
      const { memoryFile, sumsFile, stateFile } = snapshot
      const { runs } = decodeSums(await readFile(sumsFile), sumsFile)
      const firstByte = (runs[0] ?? 0) * PAGE_BYTES
      const verdict = async (damage: (memory: string, sums: string) => Promise<void>): Promise<string> => {
        const [memory, sums] = [path('capture-memory'), path('capture-sums')]
        await copyFile(memoryFile, memory)
        await copyFile(sumsFile, sums)
        await damage(memory, sums)
        return refusal(verifyMemory(op('verify'), memory, sums))
      }
      await verifyMemory(op('verify'), memoryFile, sumsFile)
      const damages: Record<string, (memory: string, sums: string) => Promise<void>> = {
        'changed memory': (memory) => flipByte(memory, firstByte + 17),
        'short memory': (memory) => truncate(memory, PAGE_BYTES),
        'no memory': (memory) => rm(memory),
        'changed sums': (_, sums) => flipByte(sums, 40),
        'short sums': (_, sums) => truncate(sums, 100),
        'empty sums': (_, sums) => truncate(sums, 0),
        'foreign sums': (_, sums) => copyFile(stateFile, sums),
        'no sums': (_, sums) => rm(sums),
      }
      for (const [what, damage] of Object.entries(damages)) expect([what, await verdict(damage)]).toEqual([what, 'bad_snapshot'])
      const bad = path('capture-state')
      await copyFile(stateFile, bad)
      await flipByte(bad, 4096 + 5)
      expect(await refusal(restore({ stateFile: bad }, snapshot))).toBe('bad_snapshot')
      await writeFile(bad, 'short')
      expect(await refusal(restore({ stateFile: bad }, snapshot))).toBe('bad_snapshot')
    })
  })
}

const firstPageOf = (sums: Buffer): number => decodeSums(sums, 'sums').runs[0] ?? 0
