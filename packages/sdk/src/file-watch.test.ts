import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import type { FakeSocket } from '../test/fake-sockets.ts'
import { machine } from '../test/samples.ts'
import { Client, Machine, type FileEvent, type Files, type FileWatch } from './index.ts'

let daemon: FakeDaemon
let files: Files
let waits: number[]
beforeEach(async () => {
  daemon = await fakeDaemon()
  const mine: number[] = []
  waits = mine
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    mine.push(ms)
    signal?.throwIfAborted()
  }
  daemon.on({ createMachine: () => machine(), getMachine: () => machine() })
  files = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })).files
})
afterEach(() => daemon[Symbol.asyncDispose]())

interface Begin {
  readonly id: string
  readonly path: string
}

/** One script per connection, after its first frame. One too many is refused. */
function connections(...scripts: ((socket: FakeSocket, begin: Begin) => unknown)[]): { begun: Begin[]; sockets: FakeSocket[] } {
  const begun: Begin[] = []
  const sockets: FakeSocket[] = []
  daemon.onSocket({
    async websocketUpgrade(socket) {
      expect(socket.query).toEqual({})
      sockets.push(socket)
      const begin = (await socket.next()) as Begin
      begun.push(begin)
      const script = scripts[begun.length - 1]
      if (script) await script(socket, begin)
      else socket.send({ type: 'error', id: begin.id, message: 'the script is over', code: 'machine_failed' })
    },
  })
  return { begun, sockets }
}

const started = ({ id }: Begin) => ({ type: 'file_watch_started', id })
const change = ({ id }: Begin, event: string, name: string) => ({ type: 'file_event', id, event, name, path: `/w/${name}` })
const told = (event: string, name: string) => ({ event, name, path: `/w/${name}` })
const overflow = { event: 'overflow', name: '', path: '/w' }

async function take(watch: FileWatch, count: number): Promise<FileEvent[]> {
  const seen: FileEvent[] = []
  for await (const event of watch) if (seen.push(event) === count) break
  return seen
}

test('changes as they happen, and that some may have been missed', async () => {
  const { begun } = connections((socket, begin) => {
    socket.send(started(begin))
    socket.send(change({ ...begin, id: 'another' }, 'create', 'x'))
    socket.send(change(begin, 'create', 'a.txt'))
    socket.send({ type: 'news_of_tomorrow', id: begin.id })
    socket.send({ type: 'resync_required', id: begin.id })
    socket.send(change(begin, 'remove', 'd/\udcff'))
  })
  const watch = await files.watch('/w', { recursive: true, user: 'me' })
  expect(await take(watch, 3)).toEqual([told('create', 'a.txt'), overflow, told('remove', 'd/\udcff')])
  expect(begun).toEqual([{ type: 'file_watch', id: begun[0]?.id, path: '/w', recursive: true, user: 'me' }])
})

test('resolves only when it is watched', async () => {
  const asked = Promise.withResolvers<() => void>()
  connections((socket, begin) => asked.resolve(() => socket.send(started(begin))))
  let begun = false
  const watching = files.watch('/w').then((watch) => {
    begun = true
    return watch
  })
  const start = await asked.promise
  expect(begun).toBe(false)
  start()
  await (await watching).close()
})

test('a lost connection is opened again and told as an overflow', async () => {
  const { begun } = connections(
    (socket, begin) => {
      socket.send(started(begin))
      socket.send(change(begin, 'create', 'a'))
      socket.close()
    },
    (socket, begin) => {
      socket.send(started(begin))
      socket.send(change(begin, 'write', 'b'))
    },
  )
  const watch = await files.watch('/w')
  expect(await take(watch, 3)).toEqual([told('create', 'a'), overflow, told('write', 'b')])
  expect(begun).toHaveLength(2)
  expect(waits).toEqual([250])
})

test('a machine that is gone meanwhile ends it', async () => {
  connections((socket, begin) => {
    socket.send(started(begin))
    daemon.onSocket({ websocketUpgrade: 404 })
    daemon.on({
      getMachine() {
        throw new AppError('machine_not_found', { say: 'no' })
      },
    })
    socket.drop()
  })
  const watch = await files.watch('/w')
  await expect(take(watch, 1)).rejects.toMatchObject({ name: 'NotFoundError', code: 'machine_not_found' })
})

test.each([
  ['file_not_found', 'NotFoundError'],
  ['permission_denied', 'PermissionError'],
  ['machine_not_ready', 'ConflictError'],
])('a refusal: %s', async (code, name) => {
  connections((socket, { id }) => socket.send({ type: 'error', id, message: 'no', code }))
  await expect(files.watch('/w')).rejects.toMatchObject({ name, code, message: 'no' })
})

test('an error under way ends it', async () => {
  connections((socket, begin) => {
    socket.send(started(begin))
    socket.send({ type: 'error', id: begin.id, message: 'the machine was paused', code: 'machine_failed' })
  })
  await expect(take(await files.watch('/w'), 1)).rejects.toMatchObject({ code: 'machine_failed' })
})

test('closing it ends its loop and the connection', async () => {
  const { sockets } = connections((socket, begin) => socket.send(started(begin)))
  {
    await using watch = await files.watch('/w')
    const loop = take(watch, 1)
    await watch.close()
    expect(await loop).toEqual([])
    expect(await take(watch, 1)).toEqual([])
  }
  expect(await sockets[0]?.next()).toBeUndefined()
})

test('leaving the loop ends the connection', async () => {
  const { sockets } = connections((socket, begin) => {
    socket.send(started(begin))
    socket.send(change(begin, 'create', 'a'))
  })
  expect(await take(await files.watch('/w'), 1)).toHaveLength(1)
  expect(await sockets[0]?.next()).toBeUndefined()
})

test('an aborted signal rejects with its reason: before, in the loop, and when nobody is in it', async () => {
  const reason = new Error('enough')
  await expect(files.watch('/w', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const { sockets } = connections(
    () => {},
    (socket, begin) => socket.send(started(begin)),
    (socket, begin) => socket.send(started(begin)),
  )
  const first = new AbortController()
  const waiting = files.watch('/w', { signal: first.signal })
  await expect.poll(() => sockets.length).toBe(1)
  first.abort(reason)
  await expect(waiting).rejects.toBe(reason)

  const second = new AbortController()
  const loop = take(await files.watch('/w', { signal: second.signal }), 1)
  second.abort(reason)
  await expect(loop).rejects.toBe(reason)

  const third = new AbortController()
  const watch = await files.watch('/w', { signal: third.signal })
  third.abort(reason)
  for (const socket of sockets) expect(await socket.next()).toBeUndefined()
  await expect(take(watch, 1)).rejects.toBe(reason)
})
