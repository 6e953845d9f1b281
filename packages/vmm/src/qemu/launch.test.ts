import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { launch, type Launch } from './launch.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'launch-'))
})
afterEach(() => rm(dir, { recursive: true }))

const options = (script: string, over: Partial<Launch> = {}): Launch => ({
  binary: process.execPath,
  arguments: ['-e', script],
  log: join(dir, 'log'),
  fds: [],
  keepConsole: true,
  netns: null,
  identity: null,
  ...over,
})

test('starts in a session of its own, with nothing of our environment', async () => {
  const script = `
    const { readFileSync } = require('node:fs')
    const session = readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')[3]
    console.log(JSON.stringify({ leads: session === String(process.pid), env: Object.keys(process.env).sort(), cwd: process.cwd(), pid: process.pid }))`
  const launched = await launch(options(script))
  await launched.exited
  await new Promise((resolve) => setImmediate(resolve))
  const seen = JSON.parse(launched.console?.text() ?? '') as Record<string, unknown>
  expect(seen).toMatchObject({ leads: true, env: ['LC_ALL', 'PATH'], cwd: '/', pid: launched.process.pid })
})

test('hands over the state from where it was read to', async () => {
  const file = join(dir, 'state')
  await writeFile(file, 'headerstream')
  const fd = openSync(file, 'r')
  // Moves the position, which the descriptor there shares.
  readSync(fd, Buffer.alloc(6), 0, 6, null)
  const launched = await launch(options(`process.stderr.write(require('node:fs').readFileSync(3))`, { fds: [fd] }))
  closeSync(fd)
  expect(await launched.exited).toBe('exit code 0')
  expect(readFileSync(join(dir, 'log'), 'utf8')).toBe('stream')
})

test('tells how it ended', async () => {
  const launched = await launch(options('process.kill(process.pid, "SIGSEGV")', { keepConsole: false }))
  expect(await launched.exited).toBe('signal SIGSEGV')
  expect(launched.console).toBeNull()
})

test('a program that is not there is an error', async () => {
  await expect(launch(options('', { binary: join(dir, 'nothing') }))).rejects.toMatchObject({ code: 'launch_failed' })
})
