import { expect, it } from 'vitest'
import { Gate } from './gate.ts'
import { Op } from '../../observe/op.ts'

const newOp = (timeoutMs = 5000): Op => new Op('test', { timeoutMs })

it('never lets more through than it is wide, and all in the end', async () => {
  const gate = new Gate(2)
  let inside = 0
  let most = 0
  const work = async (n: number): Promise<number> => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    if (n === 3) throw new Error('one of them fails')
    return n
  }
  const results = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => gate.pass(newOp(), () => work(n))))
  expect([most, inside, results.filter(({ status }) => status === 'fulfilled').length]).toEqual([2, 0, 8])
})

it('loses no turn to a caller that gave up', async () => {
  const gate = new Gate(1)
  const first = Promise.withResolvers<string>()
  const held = gate.pass(newOp(), () => first.promise)
  await expect(gate.pass(newOp(5), async () => 'never')).rejects.toThrow('took longer than allowed')
  const third = gate.pass(newOp(), async () => 'third')
  first.resolve('first')
  expect(await Promise.all([held, third])).toEqual(['first', 'third'])
  expect(await gate.pass(newOp(), async () => 'fourth')).toBe('fourth')
})
