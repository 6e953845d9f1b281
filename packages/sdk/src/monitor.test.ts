import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import type { FakeSocket } from '../test/fake-sockets.ts'
import { machine, machineId } from '../test/samples.ts'
import { Client, Monitor, type MonitorOptions } from './index.ts'

let daemon: FakeDaemon
let client: Client
beforeEach(async () => {
  daemon = await fakeDaemon()
  client = new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: () => Promise.resolve() })
  daemon.on({ listMachines: () => ({ items: [], has_next: false }) })
})
afterEach(() => daemon[Symbol.asyncDispose]())

const SNAPSHOT = { type: 'monitor_snapshot', id: 'monitor_1', machines: [machine()] }

/** Subscribes; `seen` has what the callbacks got, in order. */
function subscribe(options: MonitorOptions = {}) {
  const seen: unknown[] = []
  let done = (): void => {}
  const subscription = Monitor.subscribe({
    client,
    onSnapshot: (machines) =>
      note(
        'snapshot',
        machines.map(({ id, config }) => [id, config?.memoryMb]),
      ),
    onUpdate: (update) => note('update', update),
    onMetrics: (id, metrics) => note('metrics', [id, metrics]),
    onProcesses: (id, processes) => note('processes', [id, processes]),
    onError: (error) => note('error', String(error)),
    ...options,
  })
  function note(what: string, value: unknown): void {
    seen.push([what, value])
    done()
  }
  /** Resolves when there are so many. */
  const reach = async (count: number): Promise<unknown[]> => {
    while (seen.length < count) await new Promise<void>((resolve) => (done = resolve))
    return seen
  }
  return { ...subscription, seen, reach }
}

test('asks as told, and calls back for each kind of frame', async () => {
  let asked: unknown
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      asked = await socket.next()
      const id = { id: 'monitor_1', machine_id: machineId('a') }
      socket.send(SNAPSHOT)
      socket.send({ type: 'monitor_update', ...id, machine: machine({ status: 'paused' }), removed: false })
      socket.send({ type: 'monitor_update', ...id, removed: true })
      socket.send({ type: 'monitor_metrics', ...id, metrics: { cpu_percent: 3.5, mem_used_bytes: 7 } })
      socket.send({ type: 'monitor_processes', ...id, processes: [{ pid: 9, command: 'sh', running: true }] })
      socket.send({ type: 'monitor_error', id: 'monitor_1', message: 'interval too small' })
      socket.send({ type: 'monitor_future', id: 'monitor_1' })
    },
  })
  const { stop, ended, reach } = subscribe({ intervalMs: 700, includeProcesses: true })
  expect(await reach(6)).toMatchObject([
    ['snapshot', [[machineId('a'), 512]]],
    ['update', { machineId: machineId('a'), removed: false, machine: { status: 'paused' } }],
    ['update', { machineId: machineId('a'), removed: true, machine: undefined }],
    ['metrics', [machineId('a'), { cpuPercent: 3.5, memUsedBytes: 7 }]],
    ['processes', [machineId('a'), [{ pid: 9, command: 'sh', running: true }]]],
    ['error', 'MachineError: interval too small'],
  ])
  expect(asked).toEqual({ type: 'monitor_subscribe', id: 'monitor_1', interval_ms: 700, include_processes: true })
  stop()
  await ended
})

test('stop closes the connection; nothing is called after it', async () => {
  const sockets: FakeSocket[] = []
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      await socket.next()
      socket.send(SNAPSHOT)
      sockets.push(socket)
    },
  })
  const { stop, ended, seen, reach } = subscribe()
  await reach(1)
  stop()
  await ended
  expect(await sockets[0]?.next()).toBeUndefined()
  expect(seen).toHaveLength(1)
})

test('a lost connection is opened again, with a new snapshot', async () => {
  let count = 0
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      await socket.next()
      socket.send(SNAPSHOT)
      if (++count < 3) socket.drop()
    },
  })
  const { stop, reach } = subscribe()
  expect((await reach(3)).every((one) => (one as unknown[])[0] === 'snapshot')).toBe(true)
  stop()
})

test('a refusal, and what a callback throws, end it and are told', async () => {
  daemon.onSocket({ monitorWebsocketUpgrade: 401 })
  daemon.on({
    listMachines: () => {
      throw new AppError('unauthorized', { say: 'unknown key' })
    },
  })
  const refused = subscribe()
  await expect(refused.ended).rejects.toMatchObject({ name: 'AuthError' })
  expect(refused.seen).toEqual([['error', 'AuthError: unknown key']])
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      await socket.next()
      socket.send(SNAPSHOT)
    },
  })
  const thrown = subscribe({
    onSnapshot: () => {
      throw new Error('mine')
    },
  })
  await expect(thrown.ended).rejects.toThrow('mine')
})

test('the signal ends it with its reason', async () => {
  const stop = new AbortController()
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      await socket.next()
      stop.abort(new Error('enough'))
    },
  })
  await expect(subscribe({ signal: stop.signal }).ended).rejects.toThrow('enough')
})
