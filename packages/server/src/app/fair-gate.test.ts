// Who is let in when more want to than may.

import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FairGate } from './fair-gate.ts'

function ground(bounds: { inAll: number; perOwner: number }) {
  const gate = new FairGate(bounds)
  const entered: string[] = []
  const ends: (() => void)[] = []
  const come = (owner: string, signal?: AbortSignal): Promise<void> =>
    gate.pass(
      owner,
      () => {
        entered.push(owner)
        return new Promise<void>((resolve) => ends.push(resolve))
      },
      signal,
    )
  return { gate, entered, ends, come }
}

test('one owner has its places and no more, and another finds one', async () => {
  const { entered, come } = ground({ inAll: 4, perOwner: 2 })
  for (let n = 0; n < 5; n++) void come('a')
  void come('b')
  await turn()
  expect(entered).toEqual(['a', 'a', 'b'])
})

test('who has the fewest inside is next, and then whose last turn, or coming, is the longest ago', async () => {
  const { entered, ends, come } = ground({ inAll: 2, perOwner: 2 })
  for (let n = 0; n < 4; n++) void come('a')
  for (const owner of ['b', 'c', 'b', 'c']) void come(owner)
  for (let n = 0; n < 6; n++) {
    await turn()
    ends[n]?.()
  }
  await turn()
  expect(entered).toEqual(['a', 'a', 'b', 'a', 'c', 'b', 'a', 'c'])
})

test('who gives up leaves the line; a place is freed also by work that fails', async () => {
  const { gate, entered, ends, come } = ground({ inAll: 1, perOwner: 1 })
  const first = come('a')
  const stop = new AbortController()
  const second = come('a', stop.signal)
  const third = come('a')
  stop.abort(new Error('enough'))
  await expect(second).rejects.toThrow('enough')
  ends[0]?.()
  await first
  await turn()
  expect(entered).toEqual(['a', 'a'])
  ends[1]?.()
  await third
  await expect(gate.pass('a', () => Promise.reject(new Error('boom')))).rejects.toThrow('boom')
  await expect(gate.pass('a', async () => 7)).resolves.toBe(7)
  await expect(gate.pass('a', async () => 7, AbortSignal.abort(new Error('late')))).rejects.toThrow('late')
})
