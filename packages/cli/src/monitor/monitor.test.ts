import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { machine, machineId } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestOptions } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

let daemon: FakeDaemon
let asked: unknown
beforeEach(async () => {
  daemon = await fakeDaemon()
  daemon.on({ listMachines: () => ({ items: [], has_next: false }) })
  daemon.onSocket({
    async monitorWebsocketUpgrade(socket) {
      asked = await socket.next()
      const of = (letter: string) => ({ id: 'monitor_1', machine_id: machineId(letter) })
      socket.send({ type: 'monitor_snapshot', id: 'monitor_1', machines: [machine(), machine({ id: machineId('b'), status: 'paused' })] })
      socket.send({ type: 'monitor_metrics', ...of('a'), metrics: { cpu_percent: 42, mem_used_bytes: 100 * 2 ** 20 } })
      socket.send({
        type: 'monitor_update',
        ...of('c'),
        machine: machine({ id: machineId('c'), metadata: { some_key: 1 } }),
        removed: false,
      })
      socket.send({ type: 'monitor_update', ...of('b'), removed: true })
      socket.send({ type: 'monitor_error', id: 'monitor_1', message: 'interval too small' })
    },
  })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

/** Ends with Ctrl-C when what was written satisfies `enough`. */
function untilSeen(enough: (out: string) => boolean, options: TestOptions = {}) {
  const stop = new AbortController()
  return testCli({
    env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key },
    signal: stop.signal,
    now: () => Date.parse('2026-11-01T10:00:01Z'),
    onOutput: (out) => enough(out) && stop.abort(new Interrupted(2)),
    ...options,
  })
}

test('draws one line per machine, anew for what changes', async () => {
  const cli = untilSeen((out) => out.split('\u001b[2J').at(-1)?.includes('mch_c') === true && !lastScreen(out).includes('mch_b'), {
    terminal: { columns: 100, rows: 24 },
  })
  const { code, out } = await cli('monitor')
  expect(code).toBe(130)
  expect(asked).toMatchObject({ type: 'monitor_subscribe', interval_ms: 1000 })
  expect(lastScreen(out)).toMatchInlineSnapshot(`
    "ID                        STATUS   TEMPLATE  VCPUS  MEMORY   CPU    USED       DISK  TIME LEFT
    mch_aaaaaaaaaaaaaaaaaaaa  running  base      2      512 MiB  42.0%  100.0 MiB  -     4m59s
    mch_cccccccccccccccccccc  running  base      2      512 MiB  -      -          -     4m59s
    "
  `)
})

test('is cut to the screen', async () => {
  const { out } = await untilSeen((text) => text.includes('mch_'), { terminal: { columns: 30, rows: 3 } })('monitor')
  const lines = lastScreen(out).split('\n')
  expect([lines.length, Math.max(...lines.map((line) => line.length))]).toEqual([2, 30])
})

test('--json gives a line per frame, in the words of the API', async () => {
  const cli = untilSeen((out) => out.split('\n').length > 4)
  const { out, err } = await cli('monitor', '--json', '--interval-ms', '700', '--include-processes')
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(lines).toMatchObject([
    { type: 'monitor_snapshot', machines: [{ id: machineId('a'), config: { memory_mb: 512 } }, { id: machineId('b') }] },
    { type: 'monitor_metrics', machine_id: machineId('a'), metrics: { cpu_percent: 42, mem_used_bytes: 100 * 2 ** 20 } },
    { type: 'monitor_update', machine_id: machineId('c'), removed: false, machine: { metadata: { some_key: 1 } } },
    { type: 'monitor_update', machine_id: machineId('b'), removed: true },
  ])
  expect(asked).toMatchObject({ interval_ms: 700, include_processes: true })
  expect(err === '' || err === 'the daemon says: interval too small\n').toBe(true)
})

test('needs a terminal or --json; a refusal exits with its code', async () => {
  const cli = untilSeen(() => false)
  expect(await cli('monitor')).toMatchObject({ code: 2, err: expect.stringContaining('no terminal') })
  daemon.onSocket({ monitorWebsocketUpgrade: 401 })
  daemon.on({
    listMachines: () => {
      throw new AppError('unauthorized', { say: 'unknown key' })
    },
  })
  expect((await cli('monitor', '--json')).code).toBe(4)
})

const lastScreen = (out: string): string => out.split('\u001b[H\u001b[2J').at(-1) ?? ''
