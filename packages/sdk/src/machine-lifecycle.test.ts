import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import { eventPage, execResult, lifecycleEvent, machine, machineId, metrics, quota, snapshot, snapshotId } from '../test/samples.ts'
import { Client, ConflictError, Host, Lifecycle, Machine, MachineError, Quota, QuotaExceededError, Snapshot } from './index.ts'

let daemon: FakeDaemon
let client: Client
let waits: number[]
beforeEach(async () => {
  daemon = await fakeDaemon()
  waits = []
  client = new Client({
    apiKey: daemon.key,
    baseUrl: daemon.url,
    sleep: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
  })
  daemon.on({
    createMachine: () => machine(),
    getMachine: () => machine(),
    destroyMachine: ({ params }) => ({ id: params['id'] ?? '', status: 'destroyed' }),
  })
})
afterEach(() => daemon[Symbol.asyncDispose]())

const keys = (): unknown[] => daemon.seen.map(({ headers }) => headers['idempotency-key']).filter((key) => key !== undefined)
const refuse = (code: 'transition_in_progress' | 'machine_not_ready' | 'quota_exceeded' | 'exec_failed' | 'machine_not_found') => {
  throw new AppError(code, { say: code })
}

describe('create', () => {
  test('sends what was said of the machine’s end', async () => {
    await Machine.create({ client, onTimeout: 'pause', autoResume: true, inactivityTimeoutMs: 5, autoDeleteAfterMs: 6, ephemeral: false })
    expect(daemon.seen[0]?.body).toMatchObject({
      lifecycle: { on_timeout: 'pause' },
      auto_resume: true,
      inactivity_timeout_ms: 5,
      auto_delete_after_ms: 6,
      ephemeral: false,
    })
    await Machine.create({ client, timeoutAction: 'hibernate' })
    expect(daemon.seen[1]?.body).toMatchObject({ timeout_action: 'hibernate' })
  })

  test('from a snapshot sends no sizes that nobody asked for', async () => {
    let sent: object = {}
    daemon.on({
      createMachine: ({ body }) => {
        sent = body
        return machine({ source_snapshot_id: snapshotId('a') })
      },
    })
    const { info } = await Machine.create({ client, snapshotId: snapshotId('a'), metadata: { n: 1 } })
    expect(info.sourceSnapshotId).toBe(snapshotId('a'))
    expect(sent).toEqual({ snapshot_id: snapshotId('a'), timeout_ms: 300_000, metadata: { n: 1 }, ephemeral: false, auto_resume: false })
    await Machine.create({ client, snapshotId: snapshotId('a'), vcpus: 4, template: 'base', internetAccess: true })
    expect(sent).toMatchObject({ vcpus: 4, template: 'base', internet_access: true })
  })
})

describe('pause and resume', () => {
  test('pause gives the snapshot; the handle stays good', async () => {
    daemon.on({ hibernateMachine: () => snapshot(), resumeMachine: () => machine(), execCommand: () => execResult() })
    const one = await Machine.create({ client })
    expect(await one.pause()).toMatchObject({ id: snapshotId('a'), machineId: machineId('a'), sizeBytes: 12_582_912 })
    expect((await one.resume()).status).toBe('running')
    await one.hibernate()
    expect((await Machine.resume(one.id, { client })).id).toBe(one.id)
    expect(daemon.seen.map(({ route }) => route)).toEqual([
      'createMachine',
      'hibernateMachine',
      'resumeMachine',
      'hibernateMachine',
      'resumeMachine',
    ])
  })

  test('neither is sent twice', async () => {
    daemon.on({ hibernateMachine: () => DROP, resumeMachine: () => DROP })
    const one = await Machine.create({ client })
    await expect(one.pause()).rejects.toMatchObject({ code: 'transport_error' })
    await expect(one.resume()).rejects.toMatchObject({ code: 'transport_error' })
    expect(daemon.seen).toHaveLength(3)
  })

  test('connect resumes a paused machine, and only that', async () => {
    const statuses = ['paused', 'running', 'error'] as const
    for (const status of statuses) {
      daemon.on({ getMachine: () => machine({ status }), resumeMachine: () => machine() })
      expect((await Machine.connect(machineId('a'), { client })).info.status).toBe(status === 'paused' ? 'running' : status)
    }
    expect(daemon.seen.filter(({ route }) => route === 'resumeMachine')).toHaveLength(1)
  })

  test('connect waits for whoever is at it already', async () => {
    let reads = 0
    let tries = 0
    daemon.on({
      getMachine: () => machine({ status: ++reads < 4 ? 'paused' : 'running' }),
      resumeMachine: () => refuse(++tries < 3 ? 'transition_in_progress' : 'machine_not_ready'),
    })
    expect((await Machine.connect(machineId('a'), { client })).info.status).toBe('running')
    expect([tries, waits]).toEqual([3, [500, 500, 500]])
    daemon.on({ getMachine: () => machine({ status: 'paused' }), resumeMachine: () => refuse('quota_exceeded') })
    await expect(Machine.connect(machineId('a'), { client })).rejects.toThrow(QuotaExceededError)
    daemon.on({ resumeMachine: () => refuse('machine_not_ready') })
    await expect(Machine.connect(machineId('a'), { client })).rejects.toThrow(ConflictError)
  })
})

describe('snapshots and forks', () => {
  test('carry one key over all repeats', async () => {
    let calls = 0
    const third = <T>(value: T): T | typeof DROP => {
      calls += 1
      if (calls % 3 === 1) return DROP
      return calls % 3 === 2 ? refuse('transition_in_progress') : value
    }
    daemon.on({
      createSnapshot: () => third(snapshot()),
      forkMachine: () => third(machine({ id: machineId('b'), parent_machine_id: machineId('a') })),
      forkMachineMany: ({ body }) =>
        third({ items: Array.from({ length: body.count }, (_, at) => machine({ id: machineId('cde'[at] ?? 'z') })) }),
    })
    const one = await Machine.connect(machineId('a'), { client })
    expect((await one.createSnapshot()).id).toBe(snapshotId('a'))
    const child = await one.fork()
    expect([child.id, child.info.parentMachineId]).toEqual([machineId('b'), machineId('a')])
    expect((await one.forkMany(3, { idempotencyKey: 'mine' })).map(({ id }) => id[4])).toEqual(['c', 'd', 'e'])
    expect(keys()).toHaveLength(9)
    const [a, , , b, , , c] = keys()
    expect([new Set(keys()).size, a === b, c]).toEqual([3, false, 'mine'])
    await child.kill()
    expect(daemon.seen.at(-1)?.params).toEqual({ id: machineId('b') })
  })

  test('snapshots are listed, read, deleted', async () => {
    daemon.on({ listSnapshots: () => [snapshot({ metadata: { a_b: 1 } })], getSnapshot: () => snapshot(), deleteSnapshot: () => undefined })
    expect(await Snapshot.list({ client, machineId: machineId('a'), metadata: { a_b: 1 } })).toMatchObject([{ metadata: { a_b: 1 } }])
    expect(daemon.seen[0]?.query).toEqual({ machine_id: machineId('a'), metadata: '{"a_b":1}' })
    expect((await Snapshot.get(snapshotId('a'), { client })).createdAt).toBe('2026-11-01T10:01:00.000Z')
    await Snapshot.delete(snapshotId('a'), { client })
    daemon.on({ deleteSnapshot: () => ({ status: 200, text: '{}' }) })
    await expect(Snapshot.delete(snapshotId('a'), { client })).rejects.toMatchObject({ code: 'invalid_response' })
  })
})

test('timeout, lineage, metrics, events of a machine', async () => {
  const node = {
    machine_id: machineId('a'),
    origin: 'template',
    status: 'running',
    template: 'base',
    created_at: '2026-11-01T10:00:00.000Z',
  } as const
  const sample = { timestamp: '2026-11-01T10:00:05.000Z', cpu_percent: 110, memory_bytes: 5, disk_bytes: 6 }
  daemon.on({
    setTimeout: ({ body }) => ({
      timeout_ms: body.timeout_ms,
      timeout_action: body.timeout_action ?? 'destroy',
      remaining_ms: body.timeout_ms,
    }),
    getLineage: () => ({ machine_id: machineId('a'), root_machine_id: machineId('a'), nodes: [node] }),
    getMetrics: () => [metrics()],
    getHostMetrics: () => [sample],
    listMachineLifecycleEvents: () => eventPage([lifecycleEvent()], true),
  })
  const one = await Machine.connect(machineId('a'), { client })
  expect(await one.setTimeout(1.5, { timeoutAction: 'hibernate' })).toEqual({
    timeoutMs: 1500,
    timeoutAction: 'hibernate',
    remainingMs: 1500,
  })
  await one.setTimeout(60)
  expect(daemon.seen.at(-1)?.body).toEqual({ timeout_ms: 60_000 })
  expect(await one.lineage()).toMatchObject({ rootMachineId: machineId('a'), nodes: [{ machineId: machineId('a'), origin: 'template' }] })
  expect(await one.getMetrics()).toMatchObject([{ cpuPercent: 12.5, networkRxBytes: 1500 }])
  expect(await one.getHostMetrics()).toEqual([{ timestamp: sample.timestamp, cpuPercent: 110, memoryBytes: 5, diskBytes: 6 }])
  expect(await one.listLifecycle({ limit: 5, order: 'asc' })).toMatchObject({ hasMore: true, events: [{ operation: 'create' }] })
  expect(daemon.seen.at(-1)?.query).toEqual({ limit: '5', order: 'asc' })
})

test('events of all, of one machine, of one snapshot', async () => {
  daemon.on({
    listLifecycleEvents: () => eventPage([lifecycleEvent()]),
    listMachineLifecycleEvents: () => eventPage([]),
    listSnapshotLifecycleEvents: () => eventPage([]),
  })
  const from = '2026-11-01T10:00:00+01:00'
  await Lifecycle.listEvents({
    client,
    offset: 50,
    operation: 'fork',
    status: 'failed',
    from,
    to: from,
    sourceMachineId: 'mch_x',
    snapshotId: 'snap_x',
  })
  await Lifecycle.listMachineEvents('mch_x', { client, limit: 1 })
  await Lifecycle.listSnapshotEvents('snap_x', { client })
  expect(daemon.seen.map(({ params, query }) => [params, query])).toEqual([
    [{}, { offset: '50', operation: 'fork', status: 'failed', from, to: from, source_machine_id: 'mch_x', snapshot_id: 'snap_x' }],
    [{ id: 'mch_x' }, { limit: '1' }],
    [{ id: 'snap_x' }, {}],
  ])
})

test('quotas and garbage', async () => {
  daemon.on({
    getQuota: () => quota(),
    setQuota: ({ body: { memory_mb = 1, machines = 1 } }) => quota({ limits: { ...quota().limits, memory_mb, machines } }),
    collectGarbage: ({ body }) => ({ dry_run: body.dry_run, items: [{ kind: 'vm', name: 'mch_x', bytes: 7, reason: 'no machine' }] }),
  })
  expect(await Quota.get(undefined, { client })).toMatchObject({
    owner: 'default',
    limits: { memoryMb: 8192, diskMb: null },
    used: { diskMb: 42 },
  })
  expect((await Quota.set('team-a', { memoryMb: null, machines: 3 }, { client })).limits).toMatchObject({ memoryMb: null, machines: 3 })
  expect(daemon.seen.map(({ params, body }) => [params, body])).toEqual([
    [{ owner: 'me' }, undefined],
    [{ owner: 'team-a' }, { memory_mb: null, machines: 3 }],
  ])
  expect(await Host.collectGarbage({ client, dryRun: true })).toMatchObject({ dryRun: true, items: [{ kind: 'vm', bytes: 7 }] })
})

describe('runOnce', () => {
  const routes = (): string[] => daemon.seen.map(({ route }) => route)
  beforeEach(() =>
    daemon.on({
      execCommand: () => execResult({ stdout: '42\n' }),
      setTimeout: ({ body }) => ({ timeout_ms: body.timeout_ms, timeout_action: 'destroy' }),
    }),
  )

  test('creates, runs, destroys', async () => {
    const result = await Machine.runOnce('python3', ['-c', 'x'], { client, timeout: 5, cwd: '/srv', envs: { A: '1' }, vcpus: 4 })
    expect(result).toEqual({ exitCode: 0, stdout: '42\n', stderr: '', pid: 41, machineId: machineId('a'), retained: false })
    expect(routes()).toEqual(['createMachine', 'execCommand', 'destroyMachine'])
    expect(daemon.seen[0]?.body).toMatchObject({ timeout_ms: 65_000, cwd: '/srv', envs: { A: '1' }, vcpus: 4 })
    expect(daemon.seen[1]?.body).toEqual({ command: 'python3', args: ['-c', 'x'], timeout_secs: 5, shell: false, background: false })
  })

  test('in a machine of a snapshot the command brings its own place', async () => {
    await Machine.runOnce('env', { client, snapshotId: snapshotId('a'), cwd: '/srv', envs: { A: '1' }, shell: true })
    expect(daemon.seen[0]?.body).not.toHaveProperty('envs')
    expect(daemon.seen[1]?.body).toMatchObject({ command: 'env', shell: true, cwd: '/srv', envs: { A: '1' }, timeout_secs: 30 })
  })

  test.each([
    [0, true, false],
    [1, false, false],
    [1, true, true],
    [124, true, true],
  ])('exit %i, retainOnFailure %s: kept %s', async (exit_code, retainOnFailure, retained) => {
    daemon.on({ execCommand: () => execResult({ exit_code }) })
    const result = await Machine.runOnce('x', { client, retainOnFailure, retentionSeconds: 60 })
    expect(result).toMatchObject({ exitCode: exit_code, retained, machineId: machineId('a') })
    expect(routes().at(-1)).toBe(retained ? 'setTimeout' : 'destroyMachine')
    if (retained) expect(daemon.seen.at(-1)?.body).toEqual({ timeout_ms: 60_000, timeout_action: 'destroy' })
  })

  test('an error carries the id of the machine that was kept', async () => {
    daemon.on({ execCommand: () => refuse('exec_failed') })
    const kept: unknown = await Machine.runOnce('x', { client, retainOnFailure: true }).catch((error: unknown) => error)
    expect(kept).toMatchObject({ code: 'exec_failed', retainedMachineId: machineId('a') })
    expect(daemon.seen.at(-1)?.body).toEqual({ timeout_ms: 3_600_000, timeout_action: 'destroy' })
    const gone: unknown = await Machine.runOnce('x', { client }).catch((error: unknown) => error)
    expect([gone instanceof MachineError && gone.retainedMachineId, routes().at(-1)]).toEqual([undefined, 'destroyMachine'])
  })

  test('a machine that is gone, or could not be created, is not said to be kept', async () => {
    daemon.on({ execCommand: () => refuse('exec_failed'), setTimeout: () => refuse('machine_not_found') })
    await expect(Machine.runOnce('x', { client, retainOnFailure: true })).rejects.toMatchObject({ retainedMachineId: undefined })
    daemon.on({ createMachine: () => refuse('quota_exceeded') })
    await expect(Machine.runOnce('x', { client, retainOnFailure: true })).rejects.toMatchObject({
      code: 'quota_exceeded',
      retainedMachineId: undefined,
    })
  })

  test('an abort destroys it all the same', async () => {
    const stop = new AbortController()
    daemon.on({
      execCommand: () => {
        stop.abort(new Error('enough'))
        return DROP
      },
    })
    await expect(Machine.runOnce('x', { client, retainOnFailure: true, signal: stop.signal })).rejects.toThrow('enough')
    expect(routes().at(-1)).toBe('destroyMachine')
  })
})
