import { AppError } from '@nullspace/contract/errors.ts'
import type { LineageNode } from '@nullspace/contract/lifecycle.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { eventPage, execResult, lifecycleEvent, machine, machineId, metrics, snapshot, snapshotId } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'
import { drawTree } from './tree.ts'

let daemon: FakeDaemon
let cli: TestCli
const NOW = Date.parse('2026-11-01T12:00:00Z')
const env = (): Record<string, string> => ({ NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key })
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = testCli({ env: env(), now: () => NOW })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

describe('pause and resume', () => {
  test.each(['pause', 'hibernate'])('%s', async (verb) => {
    daemon.on({ hibernateMachine: () => snapshot() })
    expect(await cli('machine', verb, machineId('a'))).toEqual({
      code: 0,
      out: `paused ${machineId('a')}\n`,
      err: `pausing ${machineId('a')}: its memory is being saved\nsnapshot ${snapshotId('a')}, 12.0 MiB; "nullspace machine resume ${machineId('a')}" lets it go on\n`,
    })
    const json = await cli('machine', verb, machineId('a'), '--json')
    expect([JSON.parse(json.out), json.err]).toEqual([snapshot(), ''])
  })

  test('resume', async () => {
    daemon.on({ resumeMachine: () => machine() })
    const { out, err } = await cli('machine', 'resume', machineId('a'))
    expect([out, err]).toEqual([`running ${machineId('a')}, 4m59s left\n`, `resuming ${machineId('a')}\n`])
  })

  test('a machine in another state is a conflict', async () => {
    daemon.on({
      resumeMachine: () => {
        throw new AppError('machine_not_ready', { say: 'It is running.' })
      },
    })
    expect((await cli('machine', 'resume', 'mch_x')).code).toBe(7)
  })
})

describe('fork', () => {
  const child = (letter: string) => machine({ id: machineId(letter), parent_machine_id: machineId('a') })

  test('prints the child for scripts', async () => {
    daemon.on({ forkMachine: () => child('b') })
    expect((await cli('machine', 'fork', machineId('a'), '--idempotency-key', 'once')).out).toBe(`${machineId('b')}\n`)
    expect(daemon.seen[0]?.headers['idempotency-key']).toBe('once')
    expect(JSON.parse((await cli('machine', 'fork', machineId('a'), '--json')).out)).toEqual(child('b'))
  })

  test('--count gives a list, of one as well', async () => {
    daemon.on({ forkMachineMany: ({ body }) => ({ items: ['b', 'c', 'd'].slice(0, body.count).map(child) }) })
    const { out, err } = await cli('machine', 'fork', machineId('a'), '--count', '3')
    expect([out, err]).toEqual([`${['b', 'c', 'd'].map(machineId).join('\n')}\n`, `forking ${machineId('a')} 3 times\n`])
    expect(JSON.parse((await cli('machine', 'fork', machineId('a'), '--count', '1', '--json')).out)).toEqual([child('b')])
    expect((await cli('machine', 'fork', machineId('a'), '--count', '0')).code).toBe(2)
    expect((await cli('machine', 'fork', machineId('a'), '--count', '65')).code).toBe(2)
  })
})

describe('tree', () => {
  const node = (letter: string, parent: string | undefined, minute: number, over: Partial<LineageNode> = {}): LineageNode => ({
    machine_id: machineId(letter),
    ...(parent === undefined ? {} : { parent_machine_id: machineId(parent) }),
    origin: parent === undefined ? 'template' : 'fork',
    status: 'running',
    template: 'base',
    created_at: new Date(NOW - 7_200_000 + minute * 60_000).toISOString(),
    ...over,
  })

  test('is drawn with what is destroyed, and marks the machine that was asked for', async () => {
    const nodes = [
      node('d', 'b', 70),
      node('a', undefined, 0, { status: 'destroyed' }),
      node('c', 'a', 90, { origin: 'snapshot', snapshot_id: snapshotId('s') }),
      node('b', 'a', 60, { status: 'paused' }),
      node('e', 'b', 80),
    ]
    daemon.on({ getLineage: () => ({ machine_id: machineId('c'), root_machine_id: machineId('a'), nodes }) })
    expect((await cli('machine', 'tree', machineId('c'))).out).toMatchInlineSnapshot(`
      "mch_aaaaaaaaaaaaaaaaaaaa  destroyed  template base  2h00m
      ├─ mch_bbbbbbbbbbbbbbbbbbbb  paused  fork  1h00m
      │  ├─ mch_dddddddddddddddddddd  running  fork  50m00s
      │  └─ mch_eeeeeeeeeeeeeeeeeeee  running  fork  40m00s
      └─ mch_cccccccccccccccccccc  running  snapshot snap_ssssssssssssssssssss  30m00s  <
      "
    `)
    expect(JSON.parse((await cli('machine', 'tree', machineId('c'), '--json')).out)).toMatchObject({
      root_machine_id: machineId('a'),
      nodes,
    })
  })

  test('draws every node once, also of a list that is no tree', () => {
    const letter = ({ machine_id }: LineageNode): string => machine_id.charAt(4)
    expect(drawTree([node('b', 'x', 1), node('a', 'b', 2)], letter)).toBe('b\n└─ a\n')
    expect(drawTree([node('a', 'b', 1), node('b', 'a', 2)], letter)).toBe('a\n└─ b\n')
    expect(drawTree([], letter)).toBe('')
  })
})

test('timeout set', async () => {
  daemon.on({
    setTimeout: ({ body }) => ({
      timeout_ms: body.timeout_ms,
      timeout_action: body.timeout_action ?? 'destroy',
      timeout_at: '2026-11-01T12:02:00.000Z',
      remaining_ms: body.timeout_ms,
    }),
  })
  const { out } = await cli('machine', 'timeout', 'set', 'mch_x', '--seconds', '120', '--action', 'hibernate')
  expect(out).toBe('hibernate at 2026-11-01T12:02:00.000Z, in 2m00s\n')
  await cli('machine', 'timeout', 'set', 'mch_x', '--seconds', '60')
  expect(daemon.seen.map(({ body }) => body)).toEqual([{ timeout_ms: 120_000, timeout_action: 'hibernate' }, { timeout_ms: 60_000 }])
  expect(await cli('machine', 'timeout', 'set', 'mch_x')).toMatchObject({ code: 2, err: expect.stringContaining('--seconds is missing') })
  expect(await cli('machine', 'timeout')).toMatchObject({ code: 2, err: expect.stringContaining('Usage: nullspace machine timeout') })
})

describe('metrics', () => {
  const at = (second: number): string => new Date(NOW + second * 1000).toISOString()
  const host = (second: number) => ({ timestamp: at(second), cpu_percent: 110, memory_bytes: 200 * 2 ** 20, disk_bytes: 0 })

  test('from inside and from the host', async () => {
    daemon.on({ getMetrics: () => [metrics({ timestamp: at(0) }), metrics({ timestamp: at(5) })], getHostMetrics: () => [host(0)] })
    expect((await cli('machine', 'metrics', 'mch_x')).out).toMatchInlineSnapshot(`
      "TIME                  CPU    MEMORY               DISK             RECEIVED  SENT
      2026-11-01 12:00:00Z  12.5%  100.0 MiB/512.0 MiB  1.0 GiB/4.0 GiB  1.5 KiB   300 B
      2026-11-01 12:00:05Z  12.5%  100.0 MiB/512.0 MiB  1.0 GiB/4.0 GiB  1.5 KiB   300 B
      "
    `)
    expect((await cli('machine', 'metrics', 'mch_x', '--host')).out).toMatchInlineSnapshot(`
      "TIME                  CPU     MEMORY     DISK
      2026-11-01 12:00:00Z  110.0%  200.0 MiB  0 B
      "
    `)
    const { out, err } = await cli('machine', 'metrics', 'mch_x', '--last', '1')
    expect([out.split('\n').length, err]).toEqual([3, ''])
    expect(JSON.parse((await cli('machine', 'metrics', 'mch_x', '--json')).out)).toHaveLength(2)
  })

  test('none, and more than are shown', async () => {
    daemon.on({ getMetrics: () => [] })
    expect(await cli('machine', 'metrics', 'mch_x')).toEqual({ code: 0, out: '', err: 'no samples yet\n' })
    daemon.on({ getMetrics: () => Array.from({ length: 30 }, (_, n) => metrics({ timestamp: at(n) })) })
    expect((await cli('machine', 'metrics', 'mch_x')).err).toBe('the newest 20 of 30; --last shows more\n')
  })

  test('--watch shows each sample once, until it is interrupted', async () => {
    const stop = new AbortController()
    let reads = 0
    const waits: number[] = []
    daemon.on({
      getHostMetrics: () => {
        reads += 1
        if (reads === 4) stop.abort(new Interrupted(2))
        // The second look finds nothing new.
        return [host(-5), host(0), ...(reads > 2 ? [host(5)] : [])]
      },
    })
    const watching = testCli({
      env: env(),
      signal: stop.signal,
      pause: (ms) => {
        waits.push(ms)
        return Promise.resolve()
      },
    })
    const { code, out } = await watching('machine', 'metrics', 'mch_x', '--host', '--watch')
    expect([code, waits]).toEqual([130, [5000, 5000, 5000]])
    expect(out.split('\n').map((line) => line.slice(0, 20).trim())).toEqual(['TIME', '2026-11-01 12:00:00Z', '2026-11-01 12:00:05Z', ''])
    const json = await testCli({ env: env(), pause: () => Promise.reject(new Interrupted(2)) })(
      'machine',
      'metrics',
      'mch_x',
      '--host',
      '--watch',
      '--json',
    )
    expect(JSON.parse(json.out)).toEqual(host(5))
  })
})

test('events', async () => {
  const forked = lifecycleEvent({
    operation: 'fork',
    status: 'failed',
    source_machine_id: machineId('b'),
    error_code: 'quota_exceeded',
    error_message: 'Full.',
  })
  daemon.on({ listMachineLifecycleEvents: () => eventPage([forked, lifecycleEvent({ actor_kind: 'system', reason: 'asked' })], true) })
  const { out, err } = await cli(
    'machine',
    'events',
    machineId('a'),
    '--limit',
    '2',
    '--order',
    'desc',
    '--status',
    'failed',
    '--from-time',
    '2026-11-01T00:00:00Z',
  )
  expect(out).toMatchInlineSnapshot(`
    "TIME                  OPERATION  STATUS     OF                        BY      REMARK
    2026-11-01 10:00:00Z  fork       failed     mch_aaaaaaaaaaaaaaaaaaaa  user    from mch_bbbbbbbbbbbbbbbbbbbb; quota_exceeded: Full.
    2026-11-01 10:00:00Z  create     succeeded  mch_aaaaaaaaaaaaaaaaaaaa  system  asked
    "
  `)
  expect(err).toBe('there are more: --offset 2\n')
  expect(daemon.seen[0]?.query).toEqual({ limit: '2', order: 'desc', status: 'failed', from: '2026-11-01T00:00:00Z' })
})

describe('run', () => {
  beforeEach(() =>
    daemon.on({
      createMachine: () => machine(),
      destroyMachine: ({ params }) => ({ id: params['id'] ?? '', status: 'destroyed' }),
      setTimeout: ({ body }) => ({ timeout_ms: body.timeout_ms, timeout_action: 'destroy' }),
      execCommand: () => execResult({ exit_code: 3, stdout: 'out\n', stderr: 'err\n' }),
    }),
  )
  const routes = (): string[] => daemon.seen.map(({ route }) => route)

  test('passes output and exit code on, and destroys the machine', async () => {
    expect(await cli('machine', 'run', '--vcpus', '4', '--env', 'A=1', '--timeout', '9', '--', 'sh', '-c', 'exit 3')).toEqual({
      code: 3,
      out: 'out\n',
      err: 'err\n',
    })
    expect(routes()).toEqual(['createMachine', 'execCommand', 'destroyMachine'])
    expect(daemon.seen[0]?.body).toMatchObject({ vcpus: 4, memory_mb: 512, envs: { A: '1' }, timeout_ms: 69_000 })
    expect(daemon.seen[1]?.body).toMatchObject({ command: 'sh', args: ['-c', 'exit 3'], timeout_secs: 9 })
    const json = await cli('machine', 'run', '--json', '--', 'x')
    expect(JSON.parse(json.out)).toEqual({
      machine_id: machineId('a'),
      retained: false,
      exit_code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      pid: 41,
    })
  })

  test('keeps the machine when it is told to and the command fails', async () => {
    const { code, err } = await cli('machine', 'run', '--retain-on-failure', '--retention-seconds', '600', '--', 'x')
    expect([code, err]).toEqual([3, `err\nnote: the machine was kept for 10m00s: ${machineId('a')}\n`])
    expect(daemon.seen.at(-1)).toMatchObject({ route: 'setTimeout', body: { timeout_ms: 600_000, timeout_action: 'destroy' } })
    daemon.on({
      execCommand: () => {
        throw new AppError('exec_failed', { say: 'There is no x.' })
      },
    })
    const failed = await cli('machine', 'run', '--retain-on-failure', '--', 'x')
    expect([failed.code, failed.err]).toEqual([8, expect.stringContaining(`The machine was kept: ${machineId('a')}\n`)])
    expect(JSON.parse((await cli('machine', 'run', '--retain-on-failure', '--json', '--', 'x')).out)).toMatchObject({
      error: { code: 'exec_failed', retained_machine_id: machineId('a') },
    })
  })

  test.each([
    ['no command', [], 'no command given'],
    ['a mistyped option', ['--vcpu', '4', 'x'], "unknown option '--vcpu'"],
    ['a retention of nothing', ['--retention-seconds', '5', '--', 'x'], '--retention-seconds needs --retain-on-failure'],
  ])('%s is a usage error', async (_, argv, message) => {
    expect(await cli('machine', 'run', ...argv)).toMatchObject({ code: 2, err: expect.stringContaining(message) })
    expect(daemon.seen).toEqual([])
  })
})
