import { getMachine, createMachine, destroyMachine } from '@nullspace/contract/machines.ts'
import { execCommand } from '@nullspace/contract/commands.ts'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, raw, type FakeDaemon } from '../test/fake-daemon.ts'
import { execResult, machine } from '../test/samples.ts'
import { Client } from './client.ts'
import { MachineError, RateLimitError, TimeoutError, TransportError } from './errors.ts'
import { retryDelayMs, sleep, type Safety } from './retry.ts'

const lost = new TransportError('lost', { reached: true })
const refused = new TransportError('refused', { reached: false })
const late = new TimeoutError('late')
const busy = new MachineError('busy', { code: 'transition_in_progress' })
const rate = new RateLimitError('slow', { retryAfter: 1.5 })
const broken = new MachineError('bug', { code: 'internal_error', retryable: true })

test.each<[string, Safety, MachineError, { sent?: number; rateLimited?: number; reached?: boolean }, number | undefined]>([
  ['a lost read', 'read', lost, {}, 250],
  ['a read lost again', 'read', lost, { sent: 2 }, 500],
  ['a read lost for the third time', 'read', lost, { sent: 3 }, undefined],
  ['a late read', 'read', late, {}, undefined],
  ['a lost command', 'once', lost, {}, undefined],
  ['a command that never left', 'once', refused, { reached: false }, undefined],
  ['a lost create', 'keyed', lost, {}, 500],
  ['a late create', 'keyed', late, { sent: 2 }, 1000],
  ['a create still at work', 'keyed', busy, { sent: 5 }, 8000],
  ['... for long', 'keyed', busy, { sent: 29 }, 10_000],
  ['... for too long', 'keyed', busy, { sent: 30 }, undefined],
  ['a create without a daemon', 'keyed', refused, { sent: 2, reached: false }, 1000],
  ['... still none', 'keyed', refused, { sent: 3, reached: false }, undefined],
  ['a create whose daemon went away', 'keyed', refused, { sent: 3, reached: true }, 2000],
  ['a create that failed', 'keyed', broken, {}, undefined],
  ['any request refused for rate', 'once', rate, { rateLimited: 3 }, 1500],
  ['... for the fourth time', 'keyed', rate, { rateLimited: 4 }, undefined],
])('%s', (_, safety, error, { sent = 1, rateLimited = 0, reached = true }, wanted) => {
  expect(retryDelayMs(safety, error, { sent, rateLimited, reached })).toBe(wanted)
})

describe('over a connection', () => {
  let daemon: FakeDaemon
  let waits: number[]
  let client: Client
  beforeEach(async () => {
    daemon = await fakeDaemon()
    waits = []
    client = new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: noted })
  })
  afterEach(() => daemon[Symbol.asyncDispose]())

  const noted = (ms: number): Promise<void> => {
    waits.push(ms)
    return Promise.resolve()
  }
  const keys = (): unknown[] => daemon.seen.map(({ headers }) => headers['idempotency-key'])
  const params = { id: 'mch_1' }

  test('a create whose answer was lost is repeated with its key', async () => {
    let calls = 0
    daemon.on({
      createMachine: () => {
        calls += 1
        if (calls === 1) return DROP
        if (calls === 2) throw new AppError('transition_in_progress', { say: 'still at work' })
        return machine()
      },
    })
    await client.call(createMachine, { body: {} })
    expect(waits).toEqual([500, 1000])
    expect(keys()).toHaveLength(3)
    expect(new Set(keys()).size).toBe(1)
    expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('a create that got no answer in time is repeated; two creates have two keys', async () => {
    let calls = 0
    daemon.on({
      createMachine: async () => {
        calls += 1
        if (calls === 1) await sleep(300)
        return machine()
      },
    })
    await client.call(createMachine, { body: {} }, { requestTimeoutMs: 100, idempotencyKey: 'mine' })
    await client.call(createMachine, { body: {} })
    expect(keys().slice(0, 2)).toEqual(['mine', 'mine'])
    expect(keys()[2]).not.toBe('mine')
  })

  test('a read is repeated, a command and a destroy are not', async () => {
    let reads = 0
    daemon.on({ getMachine: () => (++reads < 3 ? DROP : machine()) })
    daemon.on({ execCommand: () => DROP })
    daemon.on({ destroyMachine: () => DROP })
    await client.call(getMachine, { params })
    expect(reads).toBe(3)
    await expect(client.call(execCommand, { params, body: { command: 'x' } })).rejects.toThrow(TransportError)
    await expect(client.call(destroyMachine, { params })).rejects.toThrow(TransportError)
    expect(daemon.seen).toHaveLength(5)
    expect(keys()).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  test('429 waits as told, for every kind of request, three times', async () => {
    let calls = 0
    daemon.on({ execCommand: () => (++calls < 3 ? raw(429, '', { 'retry-after': '0.25' }) : execResult()) })
    await client.call(execCommand, { params, body: { command: 'x' } })
    expect(waits).toEqual([250, 250])
    daemon.on({ destroyMachine: () => raw(429, '{"error":"slow","code":"rate_limit_exceeded"}') })
    await expect(client.call(destroyMachine, { params })).rejects.toMatchObject({ name: 'RateLimitError', retryAfter: 1 })
    expect(waits).toEqual([250, 250, 1000, 1000, 1000])
  })

  test('aborting ends a request and a wait with the signal’s own reason', async () => {
    const stop = new AbortController()
    daemon.on({
      createMachine: () => {
        setTimeout(() => stop.abort(new Error('enough')), 20)
        throw new AppError('transition_in_progress', { say: 'still at work' })
      },
    })
    const waiting = new Client({ apiKey: daemon.key, baseUrl: daemon.url })
    await expect(waiting.call(createMachine, { body: {} }, { signal: stop.signal })).rejects.toThrow('enough')
    await expect(waiting.call(getMachine, { params }, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow('never')
    expect(daemon.seen).toHaveLength(1)
  })

  test('a daemon that is not there is said to be so', async () => {
    const { url } = daemon
    await daemon[Symbol.asyncDispose]()
    const nowhere = new Client({ apiKey: 'k', baseUrl: url, sleep: noted })
    await expect(nowhere.call(createMachine, { body: {} })).rejects.toMatchObject({
      name: 'TransportError',
      code: 'transport_error',
      reached: false,
      message: `cannot reach the daemon at ${url} (ECONNREFUSED)`,
    })
    expect(waits).toEqual([500, 1000])
  })
})
