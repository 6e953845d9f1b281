import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { until } from '../exam/until.ts'
import { findVm, findVms, isBelow } from './find.ts'

test('finds a VM by what its process was started with', async () => {
  const args = ['-e', 'setTimeout(() => {}, 60000)', '--', '-name', 'm1', '-qmp', 'unix:/data,,x/vm/m1/q,server=on,wait=off']
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  const pid = child.pid ?? 0
  try {
    const found = await until(
      () => findVm(pid),
      (vm) => vm !== null,
      { what: 'the process' },
    )
    expect(found).toMatchObject({ id: 'm1', dir: '/data,x/vm/m1', process: { pid } })
    expect(findVms()).toContainEqual(found)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  expect(findVm(pid)).toBeNull()
})

test('an ordinary process is no VM', () => {
  expect(findVm(process.pid)).toBeNull()
})

test('below a directory is not beside it', () => {
  expect(['/a/b', '/a/b/c', '/a/bc', '/a'].map((dir) => isBelow('/a/b', dir))).toEqual([false, true, false, false])
})
