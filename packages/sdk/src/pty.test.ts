import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import type { FakeSocket } from '../test/fake-sockets.ts'
import { machine } from '../test/samples.ts'
import { Client, Machine, type PtySession } from './index.ts'

let daemon: FakeDaemon
let pty: Machine['pty']
beforeEach(async () => {
  daemon = await fakeDaemon()
  daemon.on({ createMachine: () => machine(), getMachine: () => machine(), killPtySession: () => undefined })
  pty = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: () => Promise.resolve() }) })).pty
})
afterEach(() => daemon[Symbol.asyncDispose]())

const SID = 'ses_a1'
const started = { type: 'pty_started', session_id: SID, pid: 812, cols: 120, rows: 30, exec_id: 'exe_812' }
const output = (...bytes: number[]) => ({
  type: 'pty_output',
  session_id: SID,
  data: '?',
  data_base64: Buffer.from(bytes).toString('base64'),
})
const exited = (code: number) => ({ type: 'pty_exited', session_id: SID, exit_code: code })

/** Runs on every connection, after its first frame; answers those. */
function terminal(script: (socket: FakeSocket) => unknown): unknown[] {
  const first: unknown[] = []
  daemon.onSocket({
    async websocketUpgrade(socket) {
      expect(socket.query).toEqual({ channel: 'pty' })
      first.push(await socket.next())
      await script(socket)
    },
  })
  return first
}

const saying =
  (...frames: object[]) =>
  (socket: FakeSocket): void =>
    frames.forEach((frame) => socket.send(frame))

async function bytesOf(session: PtySession): Promise<number[]> {
  const seen: number[] = []
  for await (const bytes of session) seen.push(...bytes)
  return seen
}

test('is created, shows bytes as they are, and tells its end', async () => {
  const first = terminal(saying(started, output(0xc3), output(0xa9, 0xff), { type: 'future' }, exited(7)))
  const session = await pty.create({ cols: 120, rows: 30, cwd: '/srv', envs: { A: '1' }, user: 'me', shell: '/bin/sh' })
  expect([session.sessionId, session.pid, session.size]).toEqual([SID, 812, { cols: 120, rows: 30 }])
  const waiting = session.wait()
  expect(await bytesOf(session)).toEqual([0xc3, 0xa9, 0xff])
  expect(await waiting).toEqual({ exitCode: 7 })
  expect(first).toEqual([
    {
      type: 'pty_start',
      id: expect.stringMatching(/^pty_/),
      cols: 120,
      rows: 30,
      cwd: '/srv',
      envs: { A: '1' },
      user: 'me',
      shell: '/bin/sh',
    },
  ])
  expect(() => session.write('x')).toThrow('the terminal has ended')
})

test('is 80 by 24 unless told, and reached again by session or process', async () => {
  const first = terminal(saying(started))
  for (const one of [await pty.create(), await pty.connect({ sessionId: SID }), await pty.connect({ pid: 812 })]) one.disconnect()
  expect(first).toMatchObject([
    { type: 'pty_start', cols: 80, rows: 24 },
    { type: 'pty_connect', session_id: SID },
    { type: 'pty_connect', pid: 812 },
  ])
  expect(first[1]).not.toHaveProperty('pid')
  expect(first[2]).not.toHaveProperty('session_id')
})

test('is typed into and resized; a long text goes in pieces', async () => {
  const frames: Record<string, unknown>[] = []
  terminal(async (socket) => {
    socket.send(started)
    for (let frame = await socket.next(); frame; frame = await socket.next()) {
      frames.push(frame as Record<string, unknown>)
      if (frames.length === 5) socket.send(exited(0))
    }
  })
  const session = await pty.create()
  session.write('é')
  session.write(new Uint8Array([3]))
  session.resize({ cols: 90, rows: 20 })
  session.write('x'.repeat(300_000))
  await session.wait()
  expect(frames.slice(0, 3)).toEqual([
    { type: 'pty_input', id: frames[0]?.['id'], session_id: SID, data_base64: 'w6k=' },
    { type: 'pty_input', id: frames[0]?.['id'], session_id: SID, data_base64: 'Aw==' },
    { type: 'pty_resize', id: frames[0]?.['id'], session_id: SID, cols: 90, rows: 20 },
  ])
  const long = frames.slice(3).map(({ data_base64: text }) => Buffer.from(String(text), 'base64').length)
  expect(long).toEqual([256 * 1024, 300_000 - 256 * 1024])
  expect(session.size).toEqual({ cols: 90, rows: 20 })
})

test('a loop that was left is followed by another on the same connection', async () => {
  terminal(saying(started, output(1), output(2), exited(0)))
  const session = await pty.create()
  for await (const bytes of session) {
    expect([...bytes]).toEqual([1])
    break
  }
  expect(await bytesOf(session)).toEqual([2])
})

test.each([
  ['refused', [{ type: 'error', message: 'no such terminal', code: 'session_not_found' }], 'NotFoundError'],
  ['begun without a name', [{ type: 'pty_started' }], 'MachineError'],
  ['cut before it is acknowledged', undefined, 'TransportError'],
])('%s', async (_, frames, name) => {
  terminal((socket) => (frames ? saying(...frames)(socket) : socket.drop()))
  await expect(pty.connect({ sessionId: SID })).rejects.toMatchObject({ name })
})

test('a connection that is lost is told, not opened again', async () => {
  const first = terminal((socket) => {
    saying(started, output(1))(socket)
    socket.close()
  })
  const session = await pty.create()
  const seen: number[] = []
  const reading = (async () => {
    for await (const bytes of session) seen.push(...bytes)
  })()
  await expect(reading).rejects.toMatchObject({ code: 'transport_error' })
  await expect(session.wait()).rejects.toMatchObject({ code: 'transport_error' })
  expect(() => session.write('x')).toThrow('lost the connection')
  expect([seen, first.length]).toEqual([[1], 1])
})

test('an error of the daemon ends it, with its code', async () => {
  terminal(saying(started, { type: 'error', message: 'the agent was lost', code: 'machine_failed' }))
  await expect((await pty.create()).wait()).rejects.toMatchObject({ code: 'machine_failed' })
})

test('disconnect ends loop and wait and closes the connection; await using kills the terminal', async () => {
  const over: Promise<unknown>[] = []
  terminal((socket) => {
    socket.send(started)
    over.push(socket.next())
  })
  const session = await pty.create()
  const [loop, waiting] = [bytesOf(session), session.wait()]
  session.disconnect()
  expect(await loop).toEqual([])
  await expect(waiting).rejects.toMatchObject({ code: 'disconnected' })
  expect(await over[0]).toBeUndefined()
  expect(daemon.seen.map(({ route }) => route)).toEqual(['createMachine'])
  {
    await using other = await pty.create()
    expect(other.sessionId).toBe(SID)
  }
  expect(daemon.seen.at(-1)).toMatchObject({ route: 'killPtySession', params: { sid: SID } })
})

test('killing one that has ended is no failure of a session, and one of the call by id', async () => {
  terminal(saying(started))
  daemon.on({
    killPtySession: () => {
      throw new AppError('session_not_found', { say: 'There is no such terminal.' })
    },
  })
  await (await pty.create()).kill()
  await expect(pty.kill(SID)).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('list, get, resize', async () => {
  const info = { session_id: SID, pid: 812, cols: 90, rows: 20, exec_id: 'exe_812' }
  daemon.on({ listPtySessions: () => [info], getPtySession: () => info, resizePtySession: () => undefined })
  const read = { sessionId: SID, pid: 812, cols: 90, rows: 20, execId: 'exe_812' }
  expect([await pty.list(), await pty.get(SID)]).toEqual([[read], read])
  await pty.resize(SID, { cols: 1, rows: 2 })
  expect(daemon.seen.at(-1)).toMatchObject({ params: { sid: SID }, body: { cols: 1, rows: 2 } })
})
