import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { Op } from '../op.ts'
import { cpuSeconds, identify, isAlive, killProcess, waitUntilGone } from './process.ts'

const sleeper = () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  const process = identify(child.pid ?? 0)
  if (!process) throw new Error('it did not start')
  return { child, process }
}

test('kills a process and waits until it is gone', async () => {
  const { process } = sleeper()
  expect(isAlive(process)).toBe(true)
  expect(cpuSeconds(process)).toBeGreaterThanOrEqual(0)
  killProcess(process)
  using op = new Op('wait', { timeoutMs: 5000 })
  await waitUntilGone(op, process)
  expect(isAlive(process)).toBe(false)
  expect(cpuSeconds(process)).toBeNull()
  killProcess(process)
})

test('leaves a process alone that only has the same pid', async () => {
  const { child, process } = sleeper()
  const other = { ...process, startTime: `${Number(process.startTime) - 1}` }
  expect(isAlive(other)).toBe(false)
  killProcess(other)
  expect(isAlive(process)).toBe(true)
  killProcess(process)
  await once(child, 'exit')
})

test('waiting ends at the deadline', async () => {
  const { child, process } = sleeper()
  await expect(waitUntilGone(new Op('wait', { timeoutMs: 20 }), process)).rejects.toThrow('wait took longer than allowed')
  killProcess(process)
  await once(child, 'exit')
})
