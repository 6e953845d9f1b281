import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { err, exit, out, PID, started } from '../test/exec-frames.ts'
import { all, cutAfter, live, liveCommands, type LiveCommands } from '../test/live-commands.ts'

let world: LiveCommands
let daemon: LiveCommands['daemon']
let waits: LiveCommands['waits']
let commands: LiveCommands['commands']
let connections: LiveCommands['connections']
let logs: LiveCommands['logs']
beforeEach(async () => {
  world = await liveCommands()
  ;({ daemon, waits, commands, connections, logs } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

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
