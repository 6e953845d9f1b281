import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import type { FakeSocket } from '../test/fake-sockets.ts'
import { machine } from '../test/samples.ts'
import { Client, Machine, type OutputChunk } from './index.ts'

let daemon: FakeDaemon
let waits: number[]
/** Aborted at the end of a test: what it leaves behind is not to look for its daemon for ever. */
let over: AbortController
let commands: Machine['commands']
beforeEach(async () => {
  daemon = await fakeDaemon()
  const mine: number[] = []
  waits = mine
  over = new AbortController()
  const { signal: ended } = over
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    mine.push(ms)
    signal?.throwIfAborted()
    ended.throwIfAborted()
  }
  daemon.on({ createMachine: () => machine(), getMachine: () => machine(), killProcess: () => undefined, sendStdin: () => undefined })
  commands = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })).commands
})
afterEach(() => {
  over.abort()
  return daemon[Symbol.asyncDispose]()
})

const PID = 41
const started = { type: 'exec_started', pid: PID }
const base64 = (data: string | readonly number[]): string =>
  (typeof data === 'string' ? Buffer.from(data) : Buffer.from(data)).toString('base64')
const out = (data: string | readonly number[]) => ({ type: 'exec_stdout', pid: PID, data_base64: base64(data) })
const err = (data: string | readonly number[]) => ({ type: 'exec_stderr', pid: PID, data_base64: base64(data) })
const exit = (code: number) => ({ type: 'exec_exit', pid: PID, exit_code: code })

type Script = (socket: FakeSocket) => unknown

/** One script per connection, after its first frame; answers those frames. A connection too many is told so. */
function connections(...scripts: (Script | readonly object[])[]): Record<string, unknown>[] {
  const first: Record<string, unknown>[] = []
  const next = [...scripts]
  daemon.onSocket({
    async websocketUpgrade(socket) {
      expect(socket.query).toEqual({ channel: 'exec' })
      first.push((await socket.next()) as Record<string, unknown>)
      const script = next.shift()
      if (script === undefined) socket.send({ type: 'error', message: 'the script is over', code: 'exec_failed' })
      else if (typeof script === 'function') await script(socket)
      else for (const frame of script) socket.send(frame)
    },
  })
  return first
}

/** What a daemon says and then its connection is cut. */
const cutAfter =
  (...frames: object[]): Script =>
  (socket) => {
    for (const frame of frames) socket.send(frame)
    socket.close()
  }

const shown = ({ stream, data }: OutputChunk): string => `${stream} ${data}`

async function all(chunks: AsyncIterable<OutputChunk>): Promise<string[]> {
  const seen: string[] = []
  for await (const one of chunks) seen.push(shown(one))
  return seen
}

/** `dropped`: what is said when not all is kept. */
const logs = (
  stdout: string,
  stderr: string,
  dropped: { dropped_bytes?: number; stdout_kept_bytes?: number; stderr_kept_bytes?: number } = {},
): void => daemon.on({ getProcessLogs: () => ({ stdout, stderr, output: stdout + stderr, exit_code: null, ...dropped }) })

/** For a run that is not over HTTP. */
const live = { onStdout() {} }

const routes = (): string[] => daemon.seen.slice(1).map(({ route }) => route)

describe('run', () => {
  test('with listeners tells the output as it comes, and gives it all', async () => {
    const first = connections((socket) => {
      for (const frame of [started, out('a\0é'), err('oops\n'), out('🦜'), exit(3)]) socket.send(frame)
    })
    const heard: string[] = []
    const result = await commands.run('make', ['-j2'], {
      cwd: '/srv',
      envs: { A: '1' },
      user: 'nobody',
      timeout: 5,
      onStdout: (text) => void heard.push(text),
      onStderr: (text) => void heard.push(text),
    })
    expect(result).toEqual({ exitCode: 3, stdout: 'a\0é🦜', stderr: 'oops\n', pid: PID })
    expect(heard).toEqual(['a\0é', 'oops\n', '🦜'])
    expect(first).toEqual([
      {
        type: 'exec_start',
        id: expect.stringMatching(/^exec_/),
        command: 'make',
        args: ['-j2'],
        cwd: '/srv',
        envs: { A: '1' },
        user: 'nobody',
        timeout_secs: 5,
        binary: true,
      },
    ])
  })

  test('with a listener has an empty standard input', async () => {
    const frames: unknown[] = []
    const first = connections(async (socket) => {
      frames.push(await socket.next())
      for (const frame of [started, exit(0)]) socket.send(frame)
    })
    expect(await commands.run('id', { onStdout() {}, shell: true })).toMatchObject({ exitCode: 0 })
    expect(first).toMatchObject([{ shell: true, timeout_secs: 30 }])
    expect(frames).toEqual([{ type: 'exec_stdin_close', id: first[0]?.['id'] }])
  })

  test('output that is no text is told byte for byte, and as text with U+FFFD', async () => {
    // A character in two parts, between them the other stream's; a wrong byte; half a character at the end.
    connections([started, out([0x61, 0xc3]), err([0xff]), out([0xa9, 0xff, 0]), out([0xe2, 0x82]), exit(0)])
    const heard: [string, number[]][] = []
    const listen = (text: string, bytes: Uint8Array) => void heard.push([text, [...bytes]])
    const { stdout, stderr } = await commands.run('x', { onStdout: listen, onStderr: listen })
    expect(heard).toEqual([
      ['a', [0x61, 0xc3]],
      ['\ufffd', [0xff]],
      ['é\ufffd\0', [0xa9, 0xff, 0]],
      ['', [0xe2, 0x82]],
      ['\ufffd', []],
    ])
    expect([stdout, stderr]).toEqual(['aé\ufffd\0\ufffd', '\ufffd'])
  })

  test('a listener that takes its time is waited for', async () => {
    connections([started, out('1'), out('2'), exit(0)])
    const order: string[] = []
    await commands.run('x', {
      async onStdout(text) {
        order.push(`${text} begins`)
        await new Promise((resolve) => setImmediate(resolve))
        order.push(`${text} ends`)
      },
    })
    expect(order).toEqual(['1 begins', '1 ends', '2 begins', '2 ends'])
  })

  test.each<[string, string, string]>([
    ['exec_failed', 'MachineError', 'exec_failed'],
    ['process_not_found', 'NotFoundError', 'process_not_found'],
    ['machine_not_ready', 'ConflictError', 'machine_not_ready'],
  ])('a start that is refused with %s', async (code, name, said) => {
    connections([{ type: 'error', message: 'no', code }])
    await expect(commands.run('x', live)).rejects.toMatchObject({ name, code: said, message: 'no' })
    expect((await commands.run('x', live).catch((error: unknown) => error)) as object).toHaveProperty('suggestedAction')
  })

  test('time that is up, a listener that throws and an abort all kill it', async () => {
    const killed = async (): Promise<void> => expect.poll(() => routes().filter((route) => route === 'killProcess')).toHaveLength(1)
    connections([started, { type: 'error', message: 'late', code: 'exec_timeout' }])
    await expect(commands.run('x', live)).rejects.toMatchObject({ code: 'exec_timeout' })
    await killed()
    daemon.seen.splice(1)
    connections([started, out('1')])
    const thrown = commands.run('x', {
      onStdout: () => {
        throw new Error('mine')
      },
    })
    await expect(thrown).rejects.toThrow('mine')
    await killed()
    daemon.seen.splice(1)
    const stop = new AbortController()
    connections((socket) => {
      socket.send(started)
      socket.send(out('1'))
    })
    const aborted = commands.run('x', { signal: stop.signal, onStdout: () => stop.abort(new Error('enough')) })
    await expect(aborted).rejects.toThrow('enough')
    await killed()
  })

  test('without anything live goes over HTTP, in the background never', async () => {
    daemon.on({ execCommand: () => ({ exit_code: 0, stdout: '', stderr: '', pid: 1 }) })
    await commands.run('true', { user: '1000' })
    expect(routes()).toEqual(['execCommand'])
    expect(daemon.seen.at(-1)?.body).toMatchObject({ command: 'true', user: '1000', timeout_secs: 30 })
    const first = connections([started])
    const handle = await commands.run('python3', ['-m', 'http.server'], { background: true })
    expect(handle.pid).toBe(PID)
    expect(first).toEqual([
      { type: 'exec_start', id: expect.any(String), command: 'python3', args: ['-m', 'http.server'], background: true, binary: true },
    ])
  })
})

describe('start', () => {
  test('is sent once, whatever happens to the connection', async () => {
    const first = connections((socket) => socket.drop())
    await expect(commands.start('x')).rejects.toMatchObject({ code: 'transport_error', retryable: false })
    expect(first).toHaveLength(1)
  })

  test('a refused upgrade is told as the refusal it is; one that may pass is tried again', async () => {
    daemon.onSocket({ websocketUpgrade: 404 })
    daemon.on({
      getMachine: () => {
        throw new AppError('machine_not_found', { say: 'There is no machine.' })
      },
    })
    await expect(commands.start('x')).rejects.toMatchObject({ name: 'NotFoundError', code: 'machine_not_found' })
    daemon.on({ getMachine: () => machine() })
    await expect(commands.start('x')).rejects.toMatchObject({ code: 'transport_error' })
    expect(waits).toEqual([250, 500])
  })

  test('leaves its connection until somebody reads, so that nobody holds it up', async () => {
    let over: Promise<unknown> | undefined
    connections(
      (socket) => {
        socket.send(started)
        over = socket.next()
      },
      [started, out('a'), exit(0)],
    )
    const handle = await commands.start('x', { timeout: 60 })
    expect(await over).toBeUndefined()
    expect(await all(handle)).toEqual(['stdout a'])
  })
})

describe('a handle', () => {
  const start = [started]

  test('tells the output from the beginning, as text and as bytes, then its end', async () => {
    const first = connections(start, [started, out('é'), err('x'), exit(7)])
    const handle = await commands.start('x')
    const bytes: number[] = []
    for await (const chunk of handle) bytes.push(...chunk.bytes)
    expect(bytes).toEqual([0xc3, 0xa9, 0x78])
    expect(first[1]).toEqual({ type: 'exec_connect', id: expect.any(String), pid: PID, binary: true })
    expect(await handle.wait()).toEqual({ exitCode: 7, stdout: 'é', stderr: 'x', pid: PID })
    // The end stays.
    expect(await all(handle)).toEqual([])
    expect(first).toHaveLength(2)
  })

  test('a loop that was left is followed by another, which goes on there', async () => {
    logs('onetwo', '')
    const first = connections(start, [started, out('one'), out('two')], [started, out('onetw'), out('othree'), exit(0)])
    const handle = await commands.start('x')
    for await (const chunk of handle) {
      expect(shown(chunk)).toBe('stdout one')
      break
    }
    expect(await all(handle)).toEqual(['stdout tw', 'stdout othree'])
    expect(await handle.wait()).toMatchObject({ stdout: 'onetwothree' })
    expect(first).toHaveLength(3)
  })

  test('wait and a loop at once: the loop hears it all', async () => {
    connections(start, [started, out('1'), out('2'), exit(4)])
    const handle = await commands.start('x')
    const waiting = handle.wait()
    expect(await all(handle)).toEqual(['stdout 1', 'stdout 2'])
    expect((await waiting).exitCode).toBe(4)
  })

  test('there is one loop at a time, and none beside listeners', async () => {
    connections(start, [started], [started, out('1'), exit(0)])
    const handle = await commands.start('x')
    const loop = handle[Symbol.asyncIterator]()
    expect(() => handle[Symbol.asyncIterator]()).toThrow('another loop is reading this')
    await loop.return?.()
    expect(handle[Symbol.asyncIterator]()).toBeDefined()
    daemon.on({ listProcesses: () => [{ pid: PID, command: 'x', running: true }] })
    const heard: string[] = []
    connections([started, out('1'), exit(0)])
    const told = await commands.connect(PID, { onStdout: (text) => void heard.push(text) })
    expect(() => told[Symbol.asyncIterator]()).toThrow('the output goes to listeners')
    expect((await told.wait()).stdout).toBe('1')
    expect(heard).toEqual(['1'])
  })

  test('keeps 2 MiB of each stream for the result, and counts the rest', async () => {
    const piece = 'é'.repeat(16_000)
    const frames = Array.from({ length: 80 }, () => out(piece))
    connections([started, ...frames, err('e'), exit(0)])
    const { stdout, stderr, stdoutDroppedBytes } = await commands.run('x', live)
    expect([Buffer.byteLength(stdout), stderr, stdoutDroppedBytes]).toEqual([65 * 32_000, 'e', 15 * 32_000])
  })

  test('is written to in pieces, one after the other, and closed behind that', async () => {
    connections(start)
    const handle = await commands.start('cat')
    const order: string[] = []
    daemon.on({ sendStdin: ({ body }) => void order.push(body.data ?? `bytes ${body.data_base64}`) })
    const closing: unknown[] = []
    connections(async (socket) => {
      socket.send(started)
      order.push('close')
      closing.push(await socket.next())
    })
    const long = `${'a'.repeat(64 * 1024 - 1)}🦜${'b'.repeat(10)}`
    const bytes = new Uint8Array(64 * 1024 + 2).fill(0xff)
    await Promise.all([handle.sendStdin(long), handle.sendStdin(bytes.subarray(1)), handle.closeStdin()])
    const inPieces = [base64([...bytes.subarray(2)]), '/w==']
    expect(order).toEqual(['a'.repeat(64 * 1024 - 1), `🦜${'b'.repeat(10)}`, ...inPieces.map((piece) => `bytes ${piece}`), 'close'])
    await expect.poll(() => closing).toMatchObject([{ type: 'exec_stdin_close' }])
  })

  test('is killed over HTTP, and signalled on a connection', async () => {
    connections(start)
    const handle = await commands.start('x')
    await handle.kill()
    await handle.kill('KILL')
    expect(routes()).toEqual(['killProcess', 'killProcess'])
    const sent: unknown[] = []
    const signalled: Script = async (socket) => {
      socket.send(started)
      sent.push(await socket.next())
    }
    connections(signalled, signalled, signalled)
    await handle.kill('SIGINT')
    await handle.kill('term')
    await commands.kill(PID, 10)
    await expect.poll(() => sent).toMatchObject([2, 15, 10].map((signal) => ({ type: 'exec_kill', signal })))
    await expect(handle.kill('SIGNONE')).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(commands.kill(PID, 65)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('disconnect ends a loop and a wait, not the process; the signal ends them with its reason', async () => {
    const stop = new AbortController()
    connections(start, [started, out('1')], [started], [started, out('1')])
    const handle = await commands.start('x', { signal: stop.signal })
    const seen: string[] = []
    for await (const chunk of handle) {
      seen.push(shown(chunk))
      handle.disconnect()
    }
    expect(seen).toEqual(['stdout 1'])
    logs('1', '')
    const waiting = handle.wait()
    await expect.poll(() => routes()).toContain('getProcessLogs')
    handle.disconnect()
    await expect(waiting).rejects.toMatchObject({ code: 'disconnected' })
    const aborted = handle.wait()
    stop.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    expect(routes()).not.toContain('killProcess')
  })

  test('a signal of one wait ends that wait only, and the connection when it was the only one', async () => {
    const stop = new AbortController()
    let closed: Promise<unknown> | undefined
    connections(
      start,
      (socket) => {
        socket.send(started)
        closed = socket.next()
        stop.abort(new Error('not longer'))
      },
      [started, exit(0)],
    )
    const handle = await commands.start('x')
    await expect(handle.wait({ signal: stop.signal })).rejects.toThrow('not longer')
    expect(await closed).toBeUndefined()
    expect((await handle.wait()).exitCode).toBe(0)
  })

  test('await using kills it, and ignores errors of this library', async () => {
    connections(start, start)
    {
      await using handle = await commands.start('x')
      expect(handle.pid).toBe(PID)
    }
    expect(routes()).toEqual(['killProcess'])
    daemon.on({
      killProcess: () => {
        throw new AppError('machine_not_found', { say: 'no' })
      },
    })
    await (await commands.start('x'))[Symbol.asyncDispose]()
  })
})

describe('input that is piped', () => {
  const PIECE = 64 * 1024
  const taken = { type: 'exec_stdin_taken' }
  /** A process that waits for its input, and what comes on the connection of that. */
  const piping = (script: Script): Record<string, unknown>[] => connections([started], script)

  async function* source(...all: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
    for (const one of all) yield Buffer.from(one)
  }
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(1)
  }

  test('comes byte for byte, no further ahead than is taken, and is ended', async () => {
    const bytes = Buffer.from(Array.from({ length: 20 * PIECE + 1 }, (_, at) => at % 251))
    const got: unknown[] = []
    let ahead: boolean | undefined
    const first = piping(async (socket) => {
      socket.send(started)
      let next = socket.next()
      for (;;) {
        const frame = (await next) as Record<string, unknown> | undefined
        if (frame === undefined) return
        next = socket.next()
        got.push(frame['data_base64'] ?? frame['type'])
        if (got.length < 8) continue
        // A round trip later no more has come.
        ahead ??= await Promise.race([next.then(() => true), fetch(`${daemon.url}/healthz`).then(() => false)])
        for (let count = got.length === 8 ? 8 : 1; count > 0; count -= 1) socket.send(taken)
      }
    })
    const handle = await commands.start('cat')
    expect(await handle.pipeStdin(source(bytes.subarray(0, 3), bytes.subarray(3)))).toEqual({ bytes: bytes.length, complete: true })
    await expect.poll(() => got.at(-1)).toBe('exec_stdin_close')
    expect(ahead).toBe(false)
    expect(got.slice(0, -1).every((one) => Buffer.from(String(one), 'base64').length <= PIECE)).toBe(true)
    expect(Buffer.concat(got.slice(0, -1).map((one) => Buffer.from(String(one), 'base64'))).equals(bytes)).toBe(true)
    expect(first[1]).toEqual({ type: 'exec_connect', id: expect.any(String), pid: PID, input_only: true })
  })

  test('is left open on request', async () => {
    const got: unknown[] = []
    connections(async (socket) => {
      socket.send(started)
      for (let frame = await socket.next(); frame !== undefined; frame = await socket.next()) {
        got.push(frame)
        socket.send(taken)
      }
      got.push('over')
    })
    expect(await commands.pipeStdin(PID, source('yes\n'), { close: false })).toEqual({ bytes: 4, complete: true })
    await expect.poll(() => got.at(-1)).toBe('over')
    expect(got).toEqual([{ type: 'exec_stdin', id: expect.any(String), data_base64: base64('yes\n') }, 'over'])
  })

  test.each([
    ['ends', exit(0)],
    ['is out of time', { type: 'error', message: 'late', code: 'exec_timeout' }],
  ])('stops when the process %s', async (_, end) => {
    connections(async (socket) => {
      socket.send(started)
      await socket.next()
      socket.send(taken)
      socket.send(end)
    })
    let left = false
    async function* open(): AsyncGenerator<Uint8Array> {
      try {
        yield* endless()
      } finally {
        left = true
      }
    }
    expect(await commands.pipeStdin(PID, open())).toEqual({ bytes: 1, complete: false })
    await expect.poll(() => left).toBe(true)
  })

  test('a connection that is cut, a refusal, an abort and what the source throws are told', async () => {
    const waits: Script = (socket) => void socket.send(started)
    connections(async (socket) => {
      socket.send(started)
      await socket.next()
      socket.close()
    })
    await expect(commands.pipeStdin(PID, endless())).rejects.toMatchObject({ code: 'transport_error', retryable: false })
    connections([{ type: 'error', message: 'gone', code: 'process_not_found' }])
    await expect(commands.pipeStdin(PID, endless())).rejects.toMatchObject({ name: 'NotFoundError' })
    const stop = new AbortController()
    connections(async (socket) => {
      socket.send(started)
      await socket.next()
      stop.abort(new Error('enough'))
    })
    await expect(commands.pipeStdin(PID, endless(), { signal: stop.signal })).rejects.toThrow('enough')
    connections(waits)
    // oxlint-disable-next-line require-yield
    async function* broken(): AsyncGenerator<Uint8Array> {
      throw new Error('torn')
    }
    await expect(commands.pipeStdin(PID, broken())).rejects.toThrow('torn')
  })
})

describe('a connection that is cut', () => {
  test('is opened again: nothing is lost, nothing comes twice', async () => {
    logs('oneé🦜two', 'err')
    const first = connections(
      cutAfter(started),
      cutAfter(started, out('one'), err('er'), out('é🦜')),
      cutAfter(started),
      (socket) => socket.drop(),
      cutAfter(started, out('o'), err('err'), out('neé🦜tw')),
      [started, out('oneé'), out('🦜two'), err('err'), out('!'), exit(9)],
    )
    const handle = await commands.start('x')
    expect(await all(handle)).toEqual(['stdout one', 'stderr er', 'stdout é🦜', 'stderr r', 'stdout tw', 'stdout o', 'stdout !'])
    expect(await handle.wait()).toEqual({ exitCode: 9, stdout: 'oneé🦜two!', stderr: 'err', pid: PID })
    expect(first.slice(1)).toEqual(
      Array.from({ length: 5 }, () => ({ type: 'exec_connect', id: expect.any(String), pid: PID, binary: true })),
    )
  })

  test('is opened again within characters, and where the output is no text', async () => {
    const bytes = [0xf0, 0x9f, 0xa6, 0x9c, 0xff, 0xc3]
    // Half a character is not shown.
    logs('', '')
    connections(
      cutAfter(started),
      cutAfter(started, out(bytes.slice(0, 3))),
      cutAfter(started, out(bytes.slice(0, 2)), out(bytes.slice(2, 4))),
      [started, out(bytes), exit(0)],
    )
    const handle = await commands.start('x')
    const seen: number[] = []
    for await (const chunk of handle) seen.push(...chunk.bytes)
    expect(seen).toEqual(bytes)
    expect((await handle.wait()).stdout).toBe('🦜\ufffd\ufffd')
  })

  test('of bytes more than are kept: skipped is what is kept, whatever it is as text', async () => {
    logs('\ufffd\ufffd', '', { dropped_bytes: 4, stdout_kept_bytes: 3, stderr_kept_bytes: 0 })
    connections(cutAfter(started), cutAfter(started, out([0xff, 0xff, 0xc3, 0xa9])), [
      started,
      out([0xff, 0xff, 0xc3]),
      out([0x61]),
      { type: 'exec_dropped', stdout_bytes: 3, stderr_bytes: 0 },
      exit(0),
    ])
    const handle = await commands.start('x')
    const seen: number[] = []
    for await (const chunk of handle) seen.push(...chunk.bytes)
    expect(seen).toEqual([0xff, 0xff, 0xc3, 0xa9, 0x61])
    expect(handle.lostBytes).toBe(2)
  })

  test('of a process that printed more than is kept: what is not told anew is not skipped, what is lost is counted', async () => {
    // Kept are "kept" and "e"; the reader has "keptseen", and of what came then "lostlost" went by.
    logs('kept', 'e', { dropped_bytes: 99, stdout_kept_bytes: 4, stderr_kept_bytes: 1 })
    connections(cutAfter(started), cutAfter(started, out('kept'), err('e'), out('seen')), [
      started,
      out('kept'),
      err('e'),
      out('seen again'),
      { type: 'exec_dropped', stdout_bytes: 12, stderr_bytes: 0 },
      exit(0),
    ])
    const handle = await commands.start('x')
    expect(await all(handle)).toEqual(['stdout kept', 'stderr e', 'stdout seen', 'stdout seen again'])
    expect(await handle.wait()).toEqual({
      exitCode: 0,
      stdout: 'keptseenseen again',
      stderr: 'e',
      pid: PID,
      stdoutDroppedBytes: 8,
    })
  })

  test('while the daemon is away, however long; a refusal ends it', async () => {
    logs('1', '')
    let tries = 0
    const away = (): void => {
      daemon.onSocket({ websocketUpgrade: 503 })
      daemon.on({
        getProcessLogs: () => {
          tries += 1
          if (tries === 9)
            connections(
              [{ type: 'error', message: 'soon', code: 'draining' }],
              [{ type: 'error', message: 'gone', code: 'process_not_found' }],
            )
          throw new AppError('draining', { say: 'The daemon is shutting down.' })
        },
      })
    }
    connections((socket) => {
      socket.send(started)
      socket.send(out('1'))
      away()
      socket.close()
    })
    await expect(commands.run('x', live)).rejects.toMatchObject({ name: 'NotFoundError', code: 'process_not_found' })
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000])
  })
})

describe('by process id', () => {
  test('list, logs, connect, stdin', async () => {
    daemon.on({
      listProcesses: () => [{ pid: PID, command: 'x', running: false }],
      getProcessLogs: () => ({ stdout: 'a', stderr: 'b', output: 'ab', exit_code: 1, dropped_bytes: 2 }),
    })
    expect(await commands.list()).toEqual([{ pid: PID, command: 'x', running: false }])
    expect(await commands.logs(PID)).toEqual({ stdout: 'a', stderr: 'b', output: 'ab', exitCode: 1, droppedBytes: 2 })
    await commands.sendStdin(PID, 'x')
    expect(daemon.seen.at(-1)).toMatchObject({ params: { pid: String(PID) }, body: { data: 'x' } })
    connections([started, out('a'), err('b'), exit(1)])
    expect(await all(await commands.connect(PID))).toEqual(['stdout a', 'stderr b'])
    await expect(commands.connect(PID + 1)).rejects.toMatchObject({ name: 'NotFoundError', code: 'process_not_found' })
  })
})
