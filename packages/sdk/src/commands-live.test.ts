import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { err, exit, out, PID, started } from '../test/exec-frames.ts'
import { all, live, liveCommands, type LiveCommands } from '../test/live-commands.ts'
import { machine } from '../test/samples.ts'

let world: LiveCommands
let daemon: LiveCommands['daemon']
let waits: LiveCommands['waits']
let commands: LiveCommands['commands']
let connections: LiveCommands['connections']
let routes: LiveCommands['routes']
beforeEach(async () => {
  world = await liveCommands()
  ;({ daemon, waits, commands, connections, routes } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
