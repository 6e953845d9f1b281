import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { keyboard } from '../../test/keyboard.ts'
import { err, exit, out, PID, started } from '../../../sdk/test/exec-frames.ts'
import { inputIn, live, takeInput } from '../../test/live.ts'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

let daemon: FakeDaemon
let cli: TestCli
const cliWith = (options: TestOptions): TestCli =>
  testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key }, ...options })
beforeEach(async () => {
  daemon = await fakeDaemon()
  daemon.on({ killProcess: () => undefined })
  cli = cliWith({ keyboard: keyboard() })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

const exec = (...argv: string[]) => cli('machine', 'exec', 'mch_x', ...argv)

test.each([
  ['words', 'ls -la /tmp', { command: 'ls', args: ['-la', '/tmp'] }],
  ['words behind --', 'python3 -- --version --json', { command: 'python3', args: ['--version', '--json'] }],
  ['all behind --', '-- sh -c x -- y', { command: 'sh', args: ['-c', 'x', '--', 'y'] }],
  ['options in between', '--cwd /srv ls --env A=1 --timeout 9', { command: 'ls', cwd: '/srv', envs: { A: '1' }, timeout_secs: 9 }],
  ['a shell line', '--shell true', { command: 'true', shell: true, timeout_secs: 30 }],
  ['a user', '--user nobody id', { command: 'id', user: 'nobody' }],
])('%s', async (_, line, body) => {
  const sent = live(daemon, [started, exit(0)])
  expect(await exec(...line.split(' '))).toEqual({ code: 0, out: '', err: '' })
  expect(sent[0]).toMatchObject({ type: 'exec_start', ...body })
  // At a terminal nothing is passed on.
  expect(sent[1]).toMatchObject({ type: 'exec_stdin_close' })
})

describe('output', () => {
  const text = 'no newline \0 \u001b[31mé🦜\r\n\u{10ffff}'

  test('is passed on as it is and as it comes, and so is the exit code', async () => {
    let shown = ''
    let heard = (): void => {}
    const first = new Promise<void>((resolve) => (heard = resolve))
    cli = cliWith({
      keyboard: keyboard(),
      onOutput(written) {
        shown = written
        heard()
      },
    })
    live(daemon, async (socket) => {
      for (const frame of [started, out(text)]) socket.send(frame)
      await first
      expect(shown).toBe(text)
      for (const frame of [err('oops\n'), exit(137)]) socket.send(frame)
    })
    expect(await exec('x')).toEqual({ code: 137, out: text, err: 'oops\n' })
  })

  test('that is no text is passed on byte for byte', async () => {
    const got: Uint8Array[] = []
    cli = cliWith({ keyboard: keyboard(), onWrite: (data) => got.push(Buffer.from(data as Uint8Array)) })
    const all = Array.from({ length: 256 }, (_, byte) => byte)
    live(daemon, [started, out(all), out([0xc3]), err([0xff]), out([0xa9, 0xf0]), exit(0)])
    expect(await exec('tar', '--', '-c', '.')).toMatchObject({ code: 0, err: '\ufffd' })
    expect([...Buffer.concat(got)]).toEqual([...all, 0xc3, 0xa9, 0xf0])
  })

  test('that was dropped is noted', async () => {
    live(daemon, [started, out('a'), { type: 'exec_dropped', stdout_bytes: 5, stderr_bytes: 4 }, exit(0)])
    expect((await exec('x')).err).toBe('note: the command printed more than is kept; 9 bytes were dropped\n')
  })

  test('with --json is one object at the end', async () => {
    live(daemon, [started, out(text), err('oops\n'), { type: 'exec_dropped', stdout_bytes: 0, stderr_bytes: 9 }, exit(137)])
    const json = await exec('x', '--json')
    expect([json.code, json.err]).toEqual([137, ''])
    expect(JSON.parse(json.out)).toEqual({ exit_code: 137, stdout: text, stderr: 'oops\n', pid: PID, stderr_dropped_bytes: 9 })
  })

  test('that nobody reads any more ends the command quietly', async () => {
    cli = cliWith({
      keyboard: keyboard(),
      onDrain: () => {
        throw new Interrupted(13)
      },
    })
    live(daemon, [started, out('y\n')])
    expect(await exec('yes')).toEqual({ code: 141, out: 'y\n', err: '' })
    expect(daemon.seen.at(-1)).toMatchObject({ route: 'killProcess', params: { pid: String(PID) } })
  })
})

test.each([
  ['exec_failed', 'exec_failed', 8],
  ['exec_timeout', 'exec_timeout', 8],
  ['machine_not_found', 'machine_not_found', 3],
])('a failure with %s', async (_, code, status) => {
  live(daemon, code === 'exec_timeout' ? [started, { type: 'error', message: 'no', code }] : [{ type: 'error', message: 'no', code }])
  const ran = await exec('x')
  expect([ran.code, ran.err.split('\n')[0]]).toEqual([status, `error: no (${code})`])
  expect(JSON.parse((await exec('x', '--json')).out)).toMatchObject({ error: { code, message: 'no' } })
})

test('in the background prints the process id; no time is sent', async () => {
  const sent = live(daemon, [started])
  expect(await exec('--background', '--user', 'me', 'sleep', '9')).toEqual({
    code: 0,
    out: `${PID}\n`,
    err: 'note: it runs in the background; "nullspace machine process logs" shows what it prints\n',
  })
  expect(JSON.parse((await exec('--background', 'sleep', '9', '--json')).out)).toEqual({ pid: PID })
  expect(sent[0]).toMatchObject({ type: 'exec_start', background: true, user: 'me' })
  expect(sent.some((frame) => 'timeout_secs' in frame || frame['type'] === 'exec_stdin_close')).toBe(false)
})

describe('standard input', () => {
  /** Runs until its input is closed. */
  const cat = () => {
    const closed = Promise.withResolvers<void>()
    return live(daemon, async (socket, first) => {
      socket.send(started)
      if (first['type'] === 'exec_start') {
        await closed.promise
        socket.send(exit(0))
      } else {
        await takeInput(socket)
        closed.resolve()
      }
    })
  }

  test('that is no terminal is passed on byte for byte, with its end', async () => {
    const keys = keyboard(false)
    cli = cliWith({ keyboard: keys })
    const sent = cat()
    keys.type(new Uint8Array([0x61, 0xc3]))
    keys.type(new Uint8Array([0xa9, 0xff, 0, 0xc3]))
    keys.hangUp()
    expect(await exec('cat')).toEqual({ code: 0, out: '', err: '' })
    expect([...inputIn(sent)]).toEqual([0x61, 0xc3, 0xa9, 0xff, 0, 0xc3])
    expect(sent.map(({ type }) => type)).toEqual(['exec_start', 'exec_connect', 'exec_stdin', 'exec_stdin', 'exec_stdin_close'])
    expect(sent[1]).toMatchObject({ pid: PID, input_only: true })
  })

  test.each([
    ['--no-stdin', false],
    ['--stdin', true],
  ])('%s decides otherwise', async (option, passed) => {
    const keys = keyboard(passed)
    cli = cliWith({ keyboard: keys })
    const sent = passed ? cat() : live(daemon, [started, exit(0)])
    keys.type('typed')
    keys.hangUp()
    expect((await exec(option, 'cat')).code).toBe(0)
    expect(inputIn(sent).toString()).toBe(passed ? 'typed' : '')
    expect(sent[1]?.['type']).toBe(passed ? 'exec_connect' : 'exec_stdin_close')
  })

  test('that is still open does not hold up the end', async () => {
    cli = cliWith({ keyboard: keyboard(false) })
    live(daemon, [started, exit(3)])
    expect((await exec('true')).code).toBe(3)
  })

  test('that it does not read to the end is no failure', async () => {
    const keys = keyboard(false)
    cli = cliWith({ keyboard: keys })
    const given = Promise.withResolvers<void>()
    live(daemon, async (socket, first) => {
      socket.send(started)
      if (first['type'] === 'exec_start') {
        await given.promise
        return socket.send(exit(0))
      }
      await socket.next()
      socket.send(exit(0))
      given.resolve()
    })
    keys.type('x'.repeat(200_000))
    expect(await exec('head', '--', '-c1')).toEqual({ code: 0, out: '', err: '' })
  })
})

test('Ctrl-C goes to the command, a second kills it', async () => {
  const keys = keyboard()
  cli = cliWith({ keyboard: keys })
  let kill = (): void => {}
  const killed = new Promise<void>((resolve) => (kill = resolve))
  daemon.on({
    killProcess: () => {
      kill()
      return undefined
    },
  })
  const sent = live(daemon, async (socket, first) => {
    socket.send(started)
    if (first['type'] === 'exec_connect') {
      await socket.next()
      expect(keys.signal(2)).toBe(true)
      return
    }
    socket.send(out('ready'))
    await expect.poll(() => keys.signal(2)).toBe(true)
    await killed
    socket.send(exit(137))
  })
  expect((await exec('x')).code).toBe(137)
  expect(sent.at(-1)).toMatchObject({ type: 'exec_kill', signal: 2 })
  expect(keys.signal(2)).toBe(false)
})
