import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import type { FakeSocket } from '../test/fake-sockets.ts'
import { eventPage, lifecycleEvent, machineId, uuid } from '../test/samples.ts'
import { Client, Lifecycle, MachineError, type LifecycleEvent, type SocketClass } from './index.ts'

let daemon: FakeDaemon
let waits: number[]
let client: Client
beforeEach(async () => {
  daemon = await fakeDaemon()
  waits = []
  client = new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: noted })
  daemon.on({ listLifecycleEvents: () => eventPage([]) })
})
afterEach(() => daemon[Symbol.asyncDispose]())

const noted = (ms: number, signal?: AbortSignal): Promise<void> => {
  waits.push(ms)
  signal?.throwIfAborted()
  return Promise.resolve()
}
const event = (digit: string) => ({ type: 'event', event: lifecycleEvent({ id: uuid(digit) }) })
const SUBSCRIBED = { type: 'subscribed', subscription: {}, reconnect_mode: 'live_only' }

/** One script per connection; answers the first frames that the client sent on them. */
function connections(...scripts: ((socket: FakeSocket) => void)[]): unknown[] {
  const first: unknown[] = []
  const next = [...scripts]
  daemon.onSocket({
    async lifecycleWebsocketUpgrade(socket) {
      first.push(await socket.next())
      const script = next.shift()
      if (script) script(socket)
      else socket.send({ type: 'error', message: 'the script is over' })
    },
  })
  return first
}

async function ids(stream: AsyncIterable<LifecycleEvent>, count: number): Promise<string[]> {
  const seen: string[] = []
  for await (const { id } of stream) {
    seen.push(id.charAt(0))
    if (seen.length === count) break
  }
  return seen
}

test('sends the filter and hands out events in camelCase', async () => {
  const first = connections((socket) => {
    socket.send(SUBSCRIBED)
    socket.send({ type: 'future' })
    socket.send({ type: 'event', event: { ...lifecycleEvent({ metadata: { a_b: 1 } }), new_key: 1 } })
  })
  const stream = Lifecycle.streamEvents({ client, operation: 'create', status: 'succeeded', metadata: { job: '17' }, replayLimit: 5 })
  for await (const one of stream) {
    expect(one).toMatchObject({ occurredAt: '2026-11-01T10:00:00.000Z', machineId: machineId('a'), metadata: { a_b: 1 } })
    break
  }
  expect(first).toEqual([
    { type: 'subscribe', operation: 'create', status: 'succeeded', metadata: { job: '17' }, live_only: false, replay_limit: 5 },
  ])
})

test('the connection carries the key, and is closed when the loop is left', async () => {
  const over: Promise<unknown>[] = []
  daemon.onSocket({
    async machineLifecycleWebsocketUpgrade(socket) {
      expect([socket.params['id'], socket.headers.authorization]).toEqual([machineId('a'), `Bearer ${daemon.key}`])
      await socket.next()
      socket.send(SUBSCRIBED)
      socket.send(event('1'))
      over.push(socket.next())
    },
  })
  expect(await ids(Lifecycle.streamEvents({ client, machineId: machineId('a') }), 1)).toEqual(['1'])
  expect(await over[0]).toBeUndefined()
})

describe('a lost connection', () => {
  test('goes on after the last event: none is left out, none comes twice', async () => {
    const first = connections(
      (socket) => {
        for (const frame of [SUBSCRIBED, event('1'), event('2')]) socket.send(frame)
        socket.close()
      },
      (socket) => {
        for (const frame of [SUBSCRIBED, event('2'), event('3')]) socket.send(frame)
        socket.drop()
      },
      (socket) => {
        for (const frame of [SUBSCRIBED, event('4')]) socket.send(frame)
      },
    )
    expect(await ids(Lifecycle.streamEvents({ client, operation: 'fork' }), 4)).toEqual(['1', '2', '3', '4'])
    expect(first).toEqual([
      { type: 'subscribe', operation: 'fork', live_only: false, replay_limit: 100 },
      { type: 'subscribe', operation: 'fork', live_only: false, after_event_id: uuid('2') },
      { type: 'subscribe', operation: 'fork', live_only: false, after_event_id: uuid('3') },
    ])
    expect(waits).toEqual([250, 250])
  })

  test.each<[string, boolean, object]>([
    ['goes on after the newest event of the past', true, { after_event_id: uuid('9') }],
    ['shows all there is when there was no past', false, { replay_limit: 1000 }],
  ])('of a live stream without an event so far %s', async (_, past, again) => {
    daemon.on({ listLifecycleEvents: () => eventPage(past ? [lifecycleEvent({ id: uuid('9') })] : []) })
    const first = connections(
      (socket) => {
        socket.send(SUBSCRIBED)
        socket.close()
      },
      (socket) => {
        socket.send(SUBSCRIBED)
        socket.send(event('1'))
      },
    )
    expect(await ids(Lifecycle.streamEvents({ client, liveOnly: true }), 1)).toEqual(['1'])
    expect(first).toEqual([
      { type: 'subscribe', live_only: true, replay_limit: 100 },
      { type: 'subscribe', live_only: false, ...again },
    ])
  })

  test('waits longer and longer, up to 5 s, and starts anew once it was taken', async () => {
    const close = (socket: FakeSocket): void => socket.close()
    const take = (socket: FakeSocket): void => {
      socket.send(SUBSCRIBED)
      socket.close()
    }
    connections(take, close, close, close, close, close, close, take)
    await expect(ids(Lifecycle.streamEvents({ client }), 1)).rejects.toThrow('the script is over')
    expect(waits).toEqual([250, 250, 500, 1000, 2000, 4000, 5000, 250])
  })

  test('a refusal later on ends it', async () => {
    connections((socket) => {
      socket.send(SUBSCRIBED)
      socket.send(event('1'))
      daemon.onSocket({ lifecycleWebsocketUpgrade: 401 })
      daemon.on({
        listLifecycleEvents: () => {
          throw new AppError('unauthorized', { say: 'revoked' })
        },
      })
      socket.close()
    })
    await expect(ids(Lifecycle.streamEvents({ client }), 2)).rejects.toMatchObject({ name: 'AuthError', code: 'unauthorized' })
  })
})

describe('ends', () => {
  test('by an error frame, with its text', async () => {
    connections((socket) => socket.send({ type: 'error', message: 'unknown event id' }))
    const stream = Lifecycle.streamEvents({ client, afterEventId: uuid('7') })
    await expect(ids(stream, 1)).rejects.toMatchObject({ name: 'MachineError', code: 'invalid_request', message: 'unknown event id' })
  })

  test('by a refused upgrade, told as the refusal it is', async () => {
    daemon.onSocket({ machineLifecycleWebsocketUpgrade: 404 })
    daemon.on({
      listMachineLifecycleEvents: () => {
        throw new AppError('machine_not_found', { say: 'There is no machine mch_x.' })
      },
    })
    const stream = Lifecycle.streamEvents({ client, machineId: 'mch_x' })
    await expect(ids(stream, 1)).rejects.toMatchObject({ name: 'NotFoundError', code: 'machine_not_found' })
    expect(waits).toEqual([])
  })

  test('after three tries when it never stood', async () => {
    daemon.onSocket({ lifecycleWebsocketUpgrade: 500 })
    await expect(ids(Lifecycle.streamEvents({ client }), 1)).rejects.toMatchObject({ code: 'transport_error' })
    expect(waits).toEqual([250, 500])
    const keyless = new Client({ apiKey: '', baseUrl: daemon.url })
    await expect(ids(Lifecycle.streamEvents({ client: keyless }), 1)).rejects.toMatchObject({ code: 'missing_api_key' })
  })

  test('by the signal, with its reason: while it waits for an event, and between connections', async () => {
    const stop = new AbortController()
    connections((socket) => {
      socket.send(SUBSCRIBED)
      stop.abort(new Error('enough'))
    })
    await expect(ids(Lifecycle.streamEvents({ client, signal: stop.signal }), 1)).rejects.toThrow('enough')
    const later = new AbortController()
    const waiting = new Client({
      apiKey: daemon.key,
      baseUrl: daemon.url,
      sleep: (_, signal) => {
        later.abort(new Error('no more'))
        return Promise.reject(signal?.reason)
      },
    })
    connections((socket) => socket.close())
    await expect(ids(Lifecycle.streamEvents({ client: waiting, signal: later.signal }), 1)).rejects.toThrow('no more')
  })

  test('by what is no event', async () => {
    connections((socket) => socket.send('{"type":'))
    await expect(ids(Lifecycle.streamEvents({ client }), 1)).rejects.toMatchObject({ code: 'invalid_response' })
    connections((socket) => socket.send({ type: 'event', event: { id: 'x' } }))
    await expect(ids(Lifecycle.streamEvents({ client }), 1)).rejects.toMatchObject({ code: 'invalid_response' })
  })
})

test('a WebSocket of the caller’s is used instead of the global one', async () => {
  connections((socket) => {
    socket.send(SUBSCRIBED)
    socket.send(event('1'))
  })
  const made: string[] = []
  class Mine extends (WebSocket as unknown as SocketClass) {
    constructor(...[url, options]: ConstructorParameters<SocketClass>) {
      super(url, options)
      made.push(url)
    }
  }
  const own = new Client({ apiKey: daemon.key, baseUrl: `${daemon.url}/`, webSocket: Mine })
  expect(await ids(Lifecycle.streamEvents({ client: own }), 1)).toEqual(['1'])
  expect(made).toEqual([`${daemon.url.replace('http', 'ws')}/v1/lifecycle/ws`])
})

test('a reader that falls far behind gets all events all the same', async () => {
  const last = 12_000
  const id = (number: number): string => `${String(number).padStart(8, '0')}-aaaa-4aaa-8aaa-aaaaaaaaaaaa`
  let givenUp: Promise<unknown> | undefined
  const sendFrom = (begin: number, socket: FakeSocket): void => {
    socket.send(SUBSCRIBED)
    for (let number = begin; number <= last; number += 1) socket.send({ type: 'event', event: lifecycleEvent({ id: id(number) }) })
    givenUp ??= socket.next()
  }
  const first = connections(
    (socket) => sendFrom(1, socket),
    (socket) => sendFrom(Number((first[1] as { after_event_id: string }).after_event_id.slice(0, 8)) + 1, socket),
  )
  let wanted = 1
  for await (const one of Lifecycle.streamEvents({ client })) {
    if (wanted === 1) await givenUp
    if (one.id !== id(wanted)) throw new MachineError(`${one.id} instead of ${wanted}`)
    if (++wanted > last) break
  }
  expect(first).toHaveLength(2)
})
