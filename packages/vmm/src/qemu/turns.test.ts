import { expect, test } from 'vitest'
import { Op } from '../op.ts'
import { Turns } from './turns.ts'

const op = (timeoutMs = 5000): Op => new Op('wait', { timeoutMs })

test('one after the other, in order, each thing on its own', async () => {
  const turns = new Turns()
  const order: string[] = []
  const take = async (name: string, key: string): Promise<() => void> => {
    const end = await turns.take(op(), key)
    order.push(name)
    return end
  }
  const first = await take('first', 'a')
  const [second, third] = [take('second', 'a'), take('third', 'a')]
  await (
    await take('other', 'b')
  )()
  expect(order).toEqual(['first', 'other'])
  first()
  first()
  ;(await second)()
  ;(await third)()
  expect(order).toEqual(['first', 'other', 'second', 'third'])
})

test('one that gives up neither stands in the way nor lets others past', async () => {
  const turns = new Turns()
  const first = await turns.take(op(), 'a')
  await expect(turns.take(op(5), 'a')).rejects.toThrow('longer than allowed')
  const third = turns.take(op(), 'a')
  expect(await Promise.race([third.then(() => 'let past'), new Promise((resolve) => setImmediate(resolve, 'waits'))])).toBe('waits')
  first()
  ;(await third)()
})
