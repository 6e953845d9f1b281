import { expect, it } from 'vitest'
import { Recorder } from './recorder.ts'

it('notes what succeeds and what fails, and passes both on', async () => {
  const record = new Recorder()
  expect(await record.time('a', () => Promise.resolve('yes'))).toBe('yes')
  await expect(record.time('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  record.add('b', 2)
  record.add('b', 4)
  expect(record.summary('a')).toMatchObject({ n: 2, successRate: 0.5 })
  expect(record.raw()).toEqual({ a: [expect.any(Number), null], b: [2, 4] })
  expect(record.errors()).toEqual(['a: no'])
  expect([record.mean('b'), record.p50('b'), record.mean('never')]).toEqual([3, 3, null])
})
