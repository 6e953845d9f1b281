import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import type { FakeSocket } from '../../../sdk/test/fake-sockets.ts'
import { keyboard, type Keyboard } from '../../test/keyboard.ts'
import { live } from '../../test/live.ts'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'
import { detachKeys } from './detach-keys.ts'

const SID = 'ses_a1'
const started = { type: 'pty_started', session_id: SID, pid: 812, cols: 80, rows: 24, exec_id: 'exe_812' }
const output = (text: string) => ({ type: 'pty_output', session_id: SID, data_base64: Buffer.from(text).toString('base64') })
const exited = (code: number) => ({ type: 'pty_exited', session_id: SID, exit_code: code })

let daemon: FakeDaemon
let keys: Keyboard
const cliWith = (options: TestOptions = {}): TestCli =>
  testCli({
    env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key, TERM: 'screen' },
    keyboard: keys,
    terminal: { columns: 100, rows: 30 },
    ...options,
  })
beforeEach(async () => {
  daemon = await fakeDaemon()
  keys = keyboard()
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

const COMES_BACK = `the terminal goes on: nullspace machine pty connect mch_x ${SID}\n`
const typed = (frames: readonly Record<string, unknown>[]): string =>
  frames.map(({ data_base64: text }) => Buffer.from(String(text ?? ''), 'base64').toString()).join('')

describe('a terminal here', () => {
  test('shows, types, and exits with the exit code of its shell', async () => {
    let timesRaw = 0
    const sent = live(daemon, async (socket) => {
      socket.send(started)
      socket.send(output('$ '))
      await socket.next()
      timesRaw = keys.isRaw ? keys.timesRaw : 0
      socket.send(output('ex\u001b[0m'))
      socket.send(exited(7))
    })
    keys.type('exit 7\r\u0003')
    const options = '--user me --shell /bin/sh --cwd /tmp --env A=1'.split(' ')
    expect(await cliWith()('machine', 'pty', 'create', 'mch_x', ...options)).toEqual({ code: 7, out: '$ ex\u001b[0m', err: '' })
    expect(sent[0]).toEqual({
      type: 'pty_start',
      id: expect.any(String),
      cols: 100,
      rows: 30,
      user: 'me',
      shell: '/bin/sh',
      cwd: '/tmp',
      envs: { TERM: 'screen', A: '1' },
    })
    expect(typed(sent)).toBe('exit 7\r\u0003')
    expect([timesRaw, keys.isRaw]).toEqual([1, false])
  })

  test('takes our size: at the beginning, and whenever that changes', async () => {
    const sent = live(daemon, async (socket) => {
      socket.send(started)
      await socket.next()
      // Typing has begun, and so has listening for another size.
      await socket.next()
      keys.resize()
      await socket.next()
      socket.send(exited(0))
    })
    keys.type('x')
    expect((await cliWith()('machine', 'pty', 'connect', 'mch_x', SID)).code).toBe(0)
    expect(sent).toMatchObject([
      { type: 'pty_connect', session_id: SID },
      { type: 'pty_resize', cols: 100, rows: 30 },
      { type: 'pty_input' },
      { type: 'pty_resize', cols: 100, rows: 30 },
    ])
  })

  test('is left with Ctrl-] twice, and says how to come back', async () => {
    let over: unknown = 'open'
    const sent = live(daemon, async (socket) => {
      socket.send(started)
      while ((over = await socket.next()) !== undefined);
    })
    keys.type('vi\u001d\u001dnot this')
    const ran = await cliWith()('machine', 'pty', 'create', 'mch_x')
    expect([ran.code, ran.err]).toEqual([0, `\n${COMES_BACK}`])
    expect(keys.isRaw).toBe(false)
    await expect.poll(() => over).toBeUndefined()
    expect(typed(sent)).toBe('vi')
    const json = await (keys.type('\u001d\u001d'), cliWith()('machine', 'pty', 'connect', 'mch_x', '--pid', '812', '--json'))
    expect(JSON.parse(json.out.slice(json.out.indexOf('{')))).toEqual({ session_id: SID, pid: 812, detached: true })
    expect(sent).toContainEqual({ type: 'pty_connect', id: expect.any(String), pid: 812 })
  })

  test('whatever ends it, this one is as before', async () => {
    const ending = async (script: (socket: FakeSocket) => void, options: TestOptions = {}) => {
      live(daemon, (socket) => {
        socket.send(started)
        script(socket)
      })
      const { code, err } = await cliWith(options)('machine', 'pty', 'create', 'mch_x')
      expect(keys.isRaw).toBe(false)
      return [code, err.includes(COMES_BACK)]
    }
    expect(await ending((socket) => socket.drop())).toEqual([1, true])
    expect(await ending((socket) => socket.send({ type: 'error', message: 'lost', code: 'machine_failed' }))).toEqual([8, false])
    expect(await ending((socket) => socket.send('{'))).toEqual([2, false])
    const stop = new AbortController()
    const stopped = { signal: stop.signal, onOutput: () => stop.abort(new Interrupted(15)) }
    expect(await ending((socket) => socket.send(output('x')), stopped)).toEqual([143, true])
    const closed = () => {
      throw new Interrupted(13)
    }
    expect(await ending((socket) => socket.send(output('x')), { onDrain: closed })).toEqual([141, true])
    keys.hangUp()
    expect(await ending(() => {})).toEqual([0, true])
    expect(keys.timesRaw).toBe(6)
  })

  test('needs a terminal, and one name', async () => {
    const piped = cliWith({ keyboard: keyboard(false) })
    for (const argv of [
      ['create', 'mch_x'],
      ['connect', 'mch_x', SID],
    ]) {
      const { code, err } = await piped('machine', 'pty', ...argv)
      expect([code, err.split('\n')[0]]).toEqual([2, 'error: standard input or output is no terminal (invalid_request)'])
    }
    expect((await cliWith()('machine', 'pty', 'connect', 'mch_x')).code).toBe(2)
    expect((await cliWith()('machine', 'pty', 'connect', 'mch_x', SID, '--pid', '8')).code).toBe(2)
    expect(daemon.seen).toEqual([])
  })

  test('that cannot be begun leaves everything as it is', async () => {
    live(daemon, [{ type: 'error', message: 'no such terminal', code: 'session_not_found' }])
    expect((await cliWith()('machine', 'pty', 'connect', 'mch_x', SID)).code).toBe(3)
    expect(keys.timesRaw).toBe(0)
  })
})

test('--detach prints the session id, with or without a terminal', async () => {
  const sent = live(daemon, [started])
  const piped = testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key } })
  expect(await piped('machine', 'pty', 'create', 'mch_x', '--detach', '--cols', '120')).toEqual({ code: 0, out: `${SID}\n`, err: '' })
  expect(sent[0]).toEqual({ type: 'pty_start', id: expect.any(String), cols: 120, rows: 24 })
  const { out } = await piped('machine', 'pty', 'create', 'mch_x', '--detach', '--json')
  expect(JSON.parse(out)).toEqual({ session_id: SID, pid: 812, cols: 80, rows: 24, detached: true })
})

test('list, resize, kill', async () => {
  const info = { session_id: SID, pid: 812, cols: 90, rows: 20, exec_id: 'exe_812' }
  daemon.on({ listPtySessions: () => [info], resizePtySession: () => undefined, killPtySession: () => undefined })
  const cli = cliWith()
  expect((await cli('machine', 'pty', 'list', 'mch_x')).out).toBe('SESSION  PID  SIZE\nses_a1   812  90x20\n')
  expect(JSON.parse((await cli('machine', 'pty', 'list', 'mch_x', '--json')).out)).toEqual([info])
  expect((await cli('machine', 'pty', 'resize', 'mch_x', SID, '--cols', '9', '--rows', '8')).out).toBe('ses_a1 is 9x8\n')
  expect(daemon.seen.at(-1)).toMatchObject({ params: { sid: SID }, body: { cols: 9, rows: 8 } })
  expect((await cli('machine', 'pty', 'resize', 'mch_x', SID, '--cols', '9')).code).toBe(2)
  expect((await cli('machine', 'pty', 'kill', 'mch_x', SID)).out).toBe('ended ses_a1\n')
  expect(JSON.parse((await cli('machine', 'pty', 'kill', 'mch_x', SID, '--json')).out)).toEqual({ session_id: SID, status: 'ended' })
})

describe('the keys to leave', () => {
  const all = (...pieces: string[]) => {
    const keysOf = detachKeys()
    return pieces.map((piece) => {
      const { bytes, detach } = keysOf(Buffer.from(piece))
      return [Buffer.from(bytes).toString(), detach]
    })
  }
  test.each([
    [
      'other keys pass',
      ['abc', '\u0003é'],
      [
        ['abc', false],
        ['\u0003é', false],
      ],
    ],
    ['twice, in one piece or in two', ['a\u001d\u001db'], [['a', true]]],
    [
      'twice in two pieces',
      ['a\u001d', '\u001d'],
      [
        ['a', false],
        ['', true],
      ],
    ],
    [
      'once, with another key behind it, is the terminal’s',
      ['\u001d', 'x', '\u001dy\u001d', 'z'],
      [
        ['', false],
        ['\u001dx', false],
        ['\u001dy', false],
        ['\u001dz', false],
      ],
    ],
  ] as const)('%s', (_, pieces, answers) => {
    expect(all(...pieces)).toEqual(answers)
  })
})
