import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { base64, err, exit, out, PID, started } from '../test/exec-frames.ts'
import { all, live, shown, liveCommands, type LiveCommands, type Script } from '../test/live-commands.ts'

let world: LiveCommands
let daemon: LiveCommands['daemon']
let commands: LiveCommands['commands']
let connections: LiveCommands['connections']
let logs: LiveCommands['logs']
let routes: LiveCommands['routes']
beforeEach(async () => {
  world = await liveCommands()
  ;({ daemon, commands, connections, logs, routes } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
