import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'
import { lastLines, readFrom } from './log-file.ts'
import { startTimeOf } from './record.ts'

const ENTRY = fileURLToPath(new URL('../../test/stand-in-server.ts', import.meta.url))
const FLAGS = ['--port', '0', '--driver', 'fake']

let cli: TestCli
const make = (manner: string, options: TestOptions = {}, home?: string): TestCli =>
  testCli({ ...options, env: { NULLSPACE_SERVER_ENTRY: ENTRY, STAND_IN: manner, ...options.env } }, home)
beforeEach(() => {
  cli = make('')
})
afterEach(async () => {
  await cli('daemon', 'stop')
  removeHomes()
})

const dataDir = (): string => join(cli.home, '.local/share/nullspace')

test('start, start again, status, stop, stop again', async () => {
  const started = await cli('daemon', 'start', ...FLAGS)
  expect(started.code).toBe(0)
  expect(started.err).toMatch(
    /^the daemon is up \(pid \d+\)\n +0s {2}base, 2 vCPU, 512 MiB: building \(kernel boots\)\n +\ds {2}base, 2 vCPU, 512 MiB: ready\n$/,
  )
  expect(started.out).toMatch(/^URL: +http:\/\/127\.0\.0\.1:\d+$/m)
  expect(readFileSync(join(dataDir(), 'daemon.log'), 'utf8')).toContain('driver fake')

  const again = await cli('daemon', 'start', '--json')
  expect(again.err).toContain('running already')
  const { pid, ...value } = JSON.parse(again.out)
  expect(value).toMatchObject({ already_running: true, data_dir: dataDir(), shapes: [{ template: 'base', state: 'ready' }] })
  expect(startTimeOf(pid)).toBeDefined()

  const status = await cli('daemon', 'status')
  expect([status.code, status.err]).toEqual([0, ''])
  expect(status.out).toMatch(/^machines: +1 running$/m)

  expect((await cli('daemon', 'stop')).out).toBe(`stopped the daemon (pid ${pid})\n1 machine keeps running; the next start takes over\n`)
  expect(startTimeOf(pid)).toBeUndefined()
  expect(await cli('daemon', 'stop')).toEqual({ code: 0, out: 'the daemon is not running\n', err: '' })
  expect((await cli('daemon', 'status')).code).toBe(1)
})

test('a daemon that ends at once is told with its last words', async () => {
  const { code, err } = await make('fail', {}, cli.home)('daemon', 'start', ...FLAGS)
  expect(code).toBe(1)
  expect(err).toMatch(
    /^error: the daemon ended at once: exit code 1; its last words:\n.*driver fake\nport 3000 is taken \(daemon_failed\)\n/,
  )
})

test('a template that cannot be prepared fails the start; --no-wait does not look', async () => {
  const broken = make('shape-failed', {}, cli.home)
  expect((await broken('daemon', 'start', '--no-wait', ...FLAGS)).code).toBe(0)
  const { code, err } = await broken('daemon', 'start')
  expect(code).toBe(1)
  expect(err).toContain('error: not all templates could be prepared: base, 2 vCPU, 512 MiB: failed (kernel boots) (template_not_ready)')
})

test('one that clients do not find by themselves says how they do', async () => {
  const { err, out } = await make('another-config', {}, cli.home)('daemon', 'start', '--no-wait', ...FLAGS)
  const [url] = /http:\S+/.exec(out) ?? []
  expect(err).toContain(`set NULLSPACE_API_URL=${url}, and NULLSPACE_API_KEY to what is in ${join(dataDir(), 'operator-api-key')}\n`)
  expect(out).not.toContain('client config')
})

test('a record of a process that has gone, or of another with its pid, is no daemon', async () => {
  await cli('daemon', 'start', '--no-wait', ...FLAGS)
  await cli('daemon', 'stop')
  for (const [pid, startTime] of [
    [2 ** 30, '1'],
    [process.pid, '1'],
  ] as const) {
    writeFileSync(join(dataDir(), 'daemon.json'), JSON.stringify({ pid, start_time: startTime, url: 'http://127.0.0.1:1' }))
    expect((await cli('daemon', 'stop')).out).toBe('the daemon is not running\n')
  }
})

test('logs: the end, and what is added', async () => {
  expect((await cli('daemon', 'logs')).code).toBe(3)
  await cli('daemon', 'start', '--no-wait', ...FLAGS)
  const log = join(dataDir(), 'daemon.log')
  writeFileSync(log, 'one\ntwo\nthree\n')
  expect((await cli('daemon', 'logs', '-n', '2')).out).toBe('two\nthree\n')
  expect(JSON.parse((await cli('daemon', 'logs', '--json')).out)).toEqual({ log, lines: ['one', 'two', 'three'] })

  const stop = new AbortController()
  const following = make(
    '',
    { signal: stop.signal, onOutput: (out) => out.endsWith('four\n') && stop.abort(new Error('seen enough')) },
    cli.home,
  )
  const followed = following('daemon', 'logs', '-f', '-n', '1')
  setTimeout(() => appendFileSync(log, 'four\n'), 100)
  expect((await followed).out).toBe('three\nfour\n')
})

test('doctor asks the daemon’s program where no daemon answers', async () => {
  // On the default port there may be another's.
  const { code, out } = await make('', { env: { NULLSPACE_API_URL: 'http://127.0.0.1:1' } }, cli.home)('doctor', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(out).checks.at(-1)).toEqual({ name: 'kvm', level: 'failure', found: 'no /dev/kvm', fix: 'Load the module.' })
})

test('reading a log', () => {
  expect(lastLines('a\nb\nc', 2)).toEqual(['b', 'c'])
  expect(lastLines('a\n', 0)).toEqual([])
  expect(readFrom('/nowhere/at/all', 5)).toEqual({ text: '', end: 0 })
  expect(existsSync(dataDir())).toBe(false)
})
