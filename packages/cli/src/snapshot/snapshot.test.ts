import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { machineId, snapshot, snapshotId } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'

let daemon: FakeDaemon
let cli: TestCli
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key } })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

test('create prints the id for scripts', async () => {
  daemon.on({ createSnapshot: () => snapshot() })
  expect(await cli('snapshot', 'create', machineId('a'), '--idempotency-key', 'once')).toEqual({
    code: 0,
    out: `${snapshotId('a')}\n`,
    err: `taking a snapshot of ${machineId('a')}\n12.0 MiB of its own\n`,
  })
  expect(daemon.seen[0]).toMatchObject({ params: { id: machineId('a') }, headers: { 'idempotency-key': 'once' } })
})

test('list and get', async () => {
  daemon.on({
    listSnapshots: () => [snapshot(), snapshot({ id: snapshotId('b'), size_bytes: 900 })],
    getSnapshot: () => snapshot({ metadata: { job: '17' } }),
  })
  const { out } = await cli('snapshot', 'list', '--machine-id', machineId('a'), '--metadata', 'job=17', '--metadata-json', '{"n":1}')
  expect(out).toMatchInlineSnapshot(`
    "ID                         MACHINE                   SIZE      TAKEN
    snap_aaaaaaaaaaaaaaaaaaaa  mch_aaaaaaaaaaaaaaaaaaaa  12.0 MiB  2026-11-01 10:01:00Z
    snap_bbbbbbbbbbbbbbbbbbbb  mch_aaaaaaaaaaaaaaaaaaaa  900 B     2026-11-01 10:01:00Z
    "
  `)
  expect(daemon.seen[0]?.query).toEqual({ machine_id: machineId('a'), metadata: '{"n":1,"job":"17"}' })
  expect((await cli('snapshot', 'get', snapshotId('a'))).out).toContain('metadata:  {"job":"17"}\n')
  daemon.on({ listSnapshots: () => [] })
  expect(await cli('snapshot', 'list')).toEqual({ code: 0, out: '', err: 'no snapshots\n' })
})

test('delete', async () => {
  daemon.on({ deleteSnapshot: () => undefined })
  expect(await cli('snapshot', 'delete', snapshotId('a'))).toEqual({ code: 0, out: `deleted ${snapshotId('a')}\n`, err: '' })
  daemon.on({
    deleteSnapshot: () => {
      throw new AppError('snapshot_in_use', { say: 'A machine is being made of it.' })
    },
  })
  expect((await cli('snapshot', 'delete', snapshotId('a'))).code).toBe(7)
  expect((await cli('snapshot', 'get', 'snap_x')).code).toBe(3)
})
