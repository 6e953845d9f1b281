import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { keyboard, type Keyboard } from '../../test/keyboard.ts'
import { err, exit, out, PID, started } from '../../../sdk/test/exec-frames.ts'
import { inputIn, live, takeInput, type Sent } from '../../test/live.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

let daemon: FakeDaemon
let keys: Keyboard
let cli: TestCli
let stop: AbortController
beforeEach(async () => {
  daemon = await fakeDaemon()
  keys = keyboard(false)
  stop = new AbortController()
  cli = testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key }, keyboard: keys, signal: stop.signal })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

const nsp = (verb: string, ...argv: string[]) => cli('machine', 'process', verb, 'mch_x', ...argv)
const pid = String(PID)

test('list', async () => {
  daemon.on({
    listProcesses: () => [
      { pid: 41, command: 'python3 -m http.server', running: true },
      { pid: 1042, command: 'for i in 1 2\ndo\n\techo \u001b[31m$i; done', running: false },
    ],
  })
  expect((await nsp('list')).out).toMatchInlineSnapshot(`
    "PID   STATE    COMMAND
    41    running  python3 -m http.server
    1042  ended    for i in 1 2 do echo [31m$i; done
    "
  `)
  expect(JSON.parse((await nsp('list', '--json')).out)).toHaveLength(2)
  daemon.on({ listProcesses: () => [] })
  expect(await nsp('list')).toEqual({ code: 0, out: '', err: 'no processes\n' })
})

describe('logs', () => {
  test('to both outputs, with what was dropped', async () => {
    const logs = { stdout: 'a', stderr: 'b\n', output: 'ab\n', exit_code: 3, dropped_bytes: 7 }
    daemon.on({ getProcessLogs: () => logs })
    expect(await nsp('logs', pid)).toEqual({
      code: 0,
      out: 'a',
      err: 'b\nnote: the command printed more than is kept; 7 bytes were dropped\n',
    })
    expect(JSON.parse((await nsp('logs', pid, '--json')).out)).toEqual(logs)
    expect((await nsp('logs', 'x')).code).toBe(2)
  })

  test('--follow goes on until the end, which is no failure of ours', async () => {
    const sent = live(daemon, [started, out('a'), err('b'), out('c'), exit(3)])
    expect(await nsp('logs', pid, '--follow')).toEqual({ code: 0, out: 'ac', err: 'b' })
    expect(sent).toMatchObject([{ type: 'exec_connect', pid: PID }])
    expect((await nsp('logs', pid, '-f', '--json')).out).toBe(
      '{"stream":"stdout","data":"a"}\n{"stream":"stderr","data":"b"}\n{"stream":"stdout","data":"c"}\n{"exit_code":3}\n',
    )
  })

  test('--follow of what is not there', async () => {
    live(daemon, [started])
    expect((await nsp('logs', '7', '--follow')).code).toBe(3)
  })
})

describe('attach', () => {
  test('shows it from the beginning and exits as it does', async () => {
    live(daemon, [started, out('a'), err('b'), exit(5)])
    expect(await nsp('attach', pid)).toEqual({ code: 5, out: 'a', err: 'b' })
    const json = await nsp('attach', pid, '--json')
    expect(json).toEqual({ code: 5, out: '{"stream":"stdout","data":"a"}\n{"stream":"stderr","data":"b"}\n{"exit_code":5}\n', err: '' })
  })

  test('Ctrl-C leaves it', async () => {
    live(daemon, (socket) => {
      socket.send(started)
      stop.abort(new Interrupted(2))
    })
    expect(await nsp('attach', pid)).toEqual({ code: 130, out: '', err: '' })
    expect(daemon.seen.map(({ route }) => route)).toEqual(['listProcesses'])
  })

  test('--stdin passes our input on, and its end', async () => {
    const closed = Promise.withResolvers<void>()
    const sent = live(daemon, async (socket, first) => {
      socket.send(started)
      if (first['input_only']) {
        await takeInput(socket)
        closed.resolve()
      } else {
        await closed.promise
        socket.send(exit(0))
      }
    })
    keys.type(new Uint8Array([0x78, 0xff]))
    keys.hangUp()
    expect(await nsp('attach', pid, '--stdin')).toEqual({ code: 0, out: '', err: '' })
    expect([...inputIn(sent)]).toEqual([0x78, 0xff])
    expect(sent.at(-1)).toMatchObject({ type: 'exec_stdin_close' })
  })

  test('--stdin: what is refused of it is noted', async () => {
    const refused = Promise.withResolvers<void>()
    live(daemon, async (socket, first) => {
      if (first['input_only']) {
        socket.send({ type: 'error', message: 'Nobody reads it.', code: 'exec_failed' })
        // It was heard, for the connection is closed.
        while ((await socket.next()) !== undefined);
        refused.resolve()
      } else {
        socket.send(started)
        await refused.promise
        socket.send(exit(0))
      }
    })
    keys.type('x')
    expect(await nsp('attach', pid, '--stdin')).toEqual({
      code: 0,
      out: '',
      err: 'note: not all of standard input was passed on: Nobody reads it.\n',
    })
  })
})

describe('stdin', () => {
  beforeEach(() => daemon.on({ sendStdin: () => undefined }))
  const written = () => daemon.seen.map(({ body }) => (body as { data: string }).data)

  test('writes what it is given', async () => {
    expect(await nsp('stdin', pid, 'yes ü')).toEqual({ code: 0, out: '', err: '' })
    expect(written()).toEqual(['yes ü'])
    expect(JSON.parse((await nsp('stdin', pid, 'ü', '--json')).out)).toEqual({ pid: PID, bytes: 2, closed: false })
  })

  /** A process, and what is sent to it. */
  const reading = (): Sent[] =>
    live(daemon, async (socket) => {
      socket.send(started)
      await takeInput(socket)
    })

  test('- passes ours on, byte for byte; --close ends its behind that', async () => {
    const sent = reading()
    keys.type('from ')
    keys.type(new Uint8Array([0xff]))
    keys.hangUp()
    expect(JSON.parse((await nsp('stdin', pid, '-', '--close', '--json')).out)).toEqual({ pid: PID, bytes: 6, closed: true })
    await expect.poll(() => sent.at(-1)).toMatchObject({ type: 'exec_stdin_close' })
    expect([...inputIn(sent)]).toEqual([...Buffer.from('from '), 0xff])
  })

  test('- without --close leaves it open', async () => {
    const sent = reading()
    keys.type('x')
    keys.hangUp()
    expect(await nsp('stdin', pid, '-')).toEqual({ code: 0, out: '', err: '' })
    expect(sent.map(({ type }) => type)).toEqual(['exec_connect', 'exec_stdin'])
  })

  test('- to what has ended fails', async () => {
    live(daemon, [started, exit(0)])
    const { code, err: told } = await nsp('stdin', pid, '-')
    expect([code, told.split('\n')[0]]).toEqual([8, `error: process ${PID} has ended; it was given 0 bytes (exec_failed)`])
  })

  test('--close ends its behind a text', async () => {
    const sent = reading()
    expect((await nsp('stdin', pid, 'x', '--close')).code).toBe(0)
    expect(written()).toEqual(['x'])
    await expect.poll(() => sent.at(-1)).toMatchObject({ type: 'exec_stdin_close' })
  })
})

test('kill, and another signal', async () => {
  daemon.on({ killProcess: () => undefined })
  expect(await nsp('kill', pid)).toEqual({ code: 0, out: `sent KILL to ${pid}\n`, err: '' })
  expect(daemon.seen.at(-1)).toMatchObject({ route: 'killProcess', params: { pid } })
  const sent = live(daemon, [started])
  expect(JSON.parse((await nsp('kill', pid, '--signal', 'TERM', '--json')).out)).toEqual({ pid: PID, signal: 'TERM' })
  await expect.poll(() => sent).toMatchObject([{ type: 'exec_connect' }, { type: 'exec_kill', signal: 15 }])
  expect((await nsp('kill', pid, '--signal', 'LOUD')).code).toBe(2)
})
