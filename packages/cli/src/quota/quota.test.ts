import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { quota } from '../../../sdk/test/samples.ts'
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

test('show', async () => {
  daemon.on({ getQuota: () => quota() })
  const { out, err } = await cli('quota', 'show')
  expect(out).toMatchInlineSnapshot(`
    "OF         USED  LIMIT
    machines   1     10
    vcpus      2     16
    memory_mb  512   8192
    snapshots  3     20
    disk_mb    42    none
    "
  `)
  expect(err).toBe('owner default\n')
  await cli('quota', 'show', 'team-a')
  expect(daemon.seen.map(({ params }) => params['owner'])).toEqual(['me', 'team-a'])
})

test('set', async () => {
  daemon.on({ setQuota: () => quota() })
  await cli('quota', 'set', 'team-a', '--machines', '20', '--disk-mb', 'none', '--memory-mb', '0')
  expect(daemon.seen[0]).toMatchObject({ params: { owner: 'team-a' }, body: { machines: 20, disk_mb: null, memory_mb: 0 } })
  expect((await cli('quota', 'set', 'team-a')).err).toContain('nothing to change')
  expect((await cli('quota', 'set', 'team-a', '--machines', '-1')).code).toBe(2)
  expect((await cli('quota', 'set', 'team-a', '--machines', 'many')).err).toContain('It must be a whole number, or none.')
  daemon.on({
    setQuota: () => {
      throw new AppError('forbidden', { say: 'no' })
    },
  })
  expect((await cli('quota', 'set', 'team-a', '--vcpus', '1')).code).toBe(5)
})

test('gc', async () => {
  const items = [
    { kind: 'vm' as const, name: 'mch_x', bytes: 5 * 2 ** 20, reason: 'no machine of that name' },
    { kind: 'snapshot' as const, name: 'snap_y', bytes: 2 ** 20, reason: 'not in the store' },
  ]
  daemon.on({ collectGarbage: ({ body }) => ({ dry_run: body.dry_run, items }) })
  const dry = await cli('gc', '--dry-run')
  expect(dry.out).toMatchInlineSnapshot(`
    "KIND      NAME    SIZE     WHY
    vm        mch_x   5.0 MiB  no machine of that name
    snapshot  snap_y  1.0 MiB  not in the store
    "
  `)
  expect(dry.err).toContain('2 items, 6.0 MiB: nothing was removed; without --dry-run they go\n')
  expect((await cli('gc')).err).toContain('2 items, 6.0 MiB removed\n')
  expect(daemon.seen.map(({ body }) => body)).toEqual([{ dry_run: true }, { dry_run: false }])
  expect(JSON.parse((await cli('gc', '--json')).out)).toEqual({ dry_run: false, items })
  daemon.on({ collectGarbage: () => ({ dry_run: false, items: [] }) })
  expect((await cli('gc')).err).toContain('nothing to remove\n')
})
