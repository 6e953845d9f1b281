// A process in a guest that holds a number in its memory and raises it without end. It shows that a machine goes on where
// it was, and that one which was copied goes on by itself.

import { expect, vi } from 'vitest'
import type { Machine } from './machine.ts'

/** Of a jump, which only the one process makes that was told to: far more than it would get to in a test by itself. */
const JUMP = 100_000_000
const FILE = '/dev/shm/count'

const PROGRAM = `
import os, signal, sys, time
count = int(sys.argv[1])
def jump(*_):
    global count
    count += ${JUMP}
signal.signal(signal.SIGUSR1, jump)
while True:
    count += 1
    with open('${FILE}.new', 'w') as file:
        file.write(f'{os.getpid()} {count}')
    os.rename('${FILE}.new', '${FILE}')
    time.sleep(0.02)
`

export async function startCounter(machine: Machine): Promise<number> {
  await machine.python('import sys; open("/root/count.py", "w").write(sys.argv[1])', PROGRAM)
  await machine.background('exec python3 /root/count.py 0')
  return vi.waitFor(() => readCounter(machine), { timeout: 30_000, interval: 100 })
}

/** Where it is; rejects when the process that raised it is not there any more. */
export async function readCounter(machine: Machine): Promise<number> {
  const [, count] = (await machine.text(`read pid count < ${FILE}; kill -0 $pid && echo $pid $count`)).split(' ')
  expect(count).toMatch(/^\d+$/)
  return Number(count)
}

/** It is at `from` at least, and goes on. Returns where it was seen last. */
export async function expectCounting(machine: Machine, from: number): Promise<number> {
  const first = await readCounter(machine)
  expect(first).toBeGreaterThanOrEqual(from)
  return vi.waitFor(
    async () => {
      const next = await readCounter(machine)
      expect(next).toBeGreaterThan(first)
      return next
    },
    { timeout: 20_000, interval: 50 },
  )
}

/** Makes the number jump in this machine; from then on hasJumped() is true of it, and of what is copied from it. */
export async function jump(machine: Machine): Promise<void> {
  await machine.text(`read pid _ < ${FILE}; kill -USR1 $pid`)
  await vi.waitFor(async () => expect(hasJumped(await readCounter(machine))).toBe(true), { timeout: 20_000, interval: 50 })
}

export const hasJumped = (count: number): boolean => count >= JUMP
