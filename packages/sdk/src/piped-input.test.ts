import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { base64, exit, PID, started } from '../test/exec-frames.ts'
import { liveCommands, type LiveCommands, type Script } from '../test/live-commands.ts'

let world: LiveCommands
let daemon: LiveCommands['daemon']
let commands: LiveCommands['commands']
let connections: LiveCommands['connections']
beforeEach(async () => {
  world = await liveCommands()
  ;({ daemon, commands, connections } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
