import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { readTail, Tail } from './tail.ts'

test('keeps the end of an endless console', async () => {
  const source = new PassThrough()
  const tail = new Tail(source)
  for (let i = 0; i < 1000; i++) source.write(`${i} ${'x'.repeat(1000)}\n`)
  await new Promise((resolve) => source.end(resolve))
  expect(tail.text().length).toBeLessThan(70_000)
  expect(tail.text()).toContain('\n999 x')
})

test('reads the end of a file, and of nothing else', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tail-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'log'), `${'a'.repeat(100)}the end`)
  await symlink('/etc/passwd', join(dir, 'link'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  expect(readTail(join(dir, 'log'), 7)).toBe('the end')
  expect(['link', 'pipe', 'missing'].map((name) => readTail(join(dir, name), 100))).toEqual(['', '', ''])
})
