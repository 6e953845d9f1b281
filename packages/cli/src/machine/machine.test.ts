import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { machine, machineId } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'

let daemon: FakeDaemon
let cli: TestCli
const env = (): Record<string, string> => ({ NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key })
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = testCli({ env: env() })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

describe('create', () => {
  beforeEach(() => daemon.on({ createMachine: () => machine() }))

  test('prints the id for scripts, the rest for people', async () => {
    expect(await cli('machine', 'create')).toEqual({
      code: 0,
      out: `${machineId('a')}\n`,
      err: 'running: base, 2 vCPU, 512 MiB, 4m59s left\n',
    })
    expect(daemon.seen[0]?.body).toMatchObject({ template: 'base', vcpus: 2, memory_mb: 512, timeout_ms: 300_000 })
    expect(JSON.parse((await cli('machine', 'create', '--json')).out)).toEqual(machine())
  })

  test('sends every option', async () => {
    const given = `--template desktop --vcpus 4 --disk 8192 --timeout 60 --on-timeout pause --timeout-action hibernate --inactivity-timeout-ms 5
      --auto-delete-after-ms 6 --ephemeral --auto-resume --cwd /srv --env A=1=2 --env B= --env-json {"A":"0","C":"3"} --metadata job=17
      --metadata-json {"n":{"deep":true}} --no-internet-access --network-json {"allow_public_traffic":false} --warm-pool twp_1
      --warm-pool-mode require --warm-pool-wait 0 --volume ref=data,mount=/mnt,subpath=a,ro=true --volume ref=b,mount=/b
      --resolution 1280x720 --dpi 96 --display :1 --idempotency-key once`
    expect((await cli('machine', 'create', ...given.split(/\s+/))).code).toBe(0)
    expect(daemon.seen[0]?.headers['idempotency-key']).toBe('once')
    expect(daemon.seen[0]?.body).toEqual({
      template: 'desktop',
      vcpus: 4,
      memory_mb: 2048,
      disk_mb: 8192,
      timeout_ms: 60_000,
      timeout_action: 'hibernate',
      lifecycle: { on_timeout: 'pause' },
      inactivity_timeout_ms: 5,
      auto_delete_after_ms: 6,
      ephemeral: true,
      auto_resume: true,
      cwd: '/srv',
      envs: { A: '1=2', B: '', C: '3' },
      metadata: { n: { deep: true }, job: '17' },
      internet_access: false,
      network: { allow_public_traffic: false },
      warm_pool: { id: 'twp_1', mode: 'require', wait_ms: 0 },
      volumes: [
        { ref: 'data', mount_path: '/mnt', read_only: true, subpath: 'a' },
        { ref: 'b', mount_path: '/b', read_only: false },
      ],
      desktop: { resolution: { width: 1280, height: 720 }, dpi: 96, display: ':1' },
    })
  })

  test('from a snapshot: size and template are not made up', async () => {
    let sent: object = {}
    daemon.on({
      createMachine: ({ body }) => {
        sent = body
        return machine()
      },
    })
    expect((await cli('machine', 'create', '--snapshot-id', 'snap_1', '--metadata', 'n=1')).code).toBe(0)
    expect(sent).toEqual({ snapshot_id: 'snap_1', timeout_ms: 300_000, metadata: { n: '1' }, ephemeral: false, auto_resume: false })
  })
})

describe('list and get', () => {
  test('walks all pages into a table', async () => {
    daemon.on({
      listMachines: ({ query }) =>
        query['next_token']
          ? { items: [machine({ id: machineId('b'), status: 'paused' })], has_next: false }
          : { items: [machine()], has_next: true, next_token: 't' },
    })
    const { out } = await cli('machine', 'list', '--state', 'running,paused', '--metadata', 'job=17', '--template', 'base')
    expect(out).toMatchInlineSnapshot(`
      "ID                        STATUS   TEMPLATE  VCPUS  MEMORY   TIME LEFT
      mch_aaaaaaaaaaaaaaaaaaaa  running  base      2      512 MiB  4m59s
      mch_bbbbbbbbbbbbbbbbbbbb  paused   base      2      512 MiB  4m59s
      "
    `)
    expect(daemon.seen[0]?.query).toEqual({ limit: '100', state: 'running,paused', metadata: '{"job":"17"}', template: 'base' })
    expect(JSON.parse((await cli('machine', 'list', '--json')).out)).toHaveLength(2)
  })

  test('--limit is one page, and says how to go on', async () => {
    daemon.on({ listMachines: () => ({ items: [{ id: machineId('a'), status: 'running' }], has_next: true, next_token: 't2' }) })
    expect(await cli('machine', 'list', '--limit', '1', '--next-token', 't1', '--fields', 'id,status')).toEqual({
      code: 0,
      out: `ID                        STATUS\n${machineId('a')}  running\n`,
      err: 'there are more: --next-token t2\n',
    })
    expect(daemon.seen[0]?.query).toEqual({ limit: '1', next_token: 't1', fields: 'id,status' })
  })

  test('none', async () => {
    daemon.on({ listMachines: () => ({ items: [], has_next: false }) })
    expect(await cli('machine', 'list')).toEqual({ code: 0, out: '', err: 'no machines\n' })
    expect((await cli('machine', 'list', '--json')).out).toBe('[]\n')
  })

  test('get', async () => {
    daemon.on({ getMachine: ({ query }) => (query['fields'] ? { status: 'running' } : machine()) })
    expect((await cli('machine', 'get', machineId('a'))).out).toContain('config:          {"vcpus":2,"memory_mb":512,"disk_mb":4096}\n')
    expect((await cli('machine', 'get', machineId('a'), '--fields', 'status')).out).toBe('status:  running\n')
  })
})

describe('kill', () => {
  beforeEach(() =>
    daemon.on({
      destroyMachine: ({ params: { id = '' } }) => {
        if (id === 'mch_gone') throw new AppError('machine_not_found', { say: 'There is no machine mch_gone.' })
        return { id, status: 'destroyed' }
      },
      listMachines: () => ({ items: [machine(), machine({ id: machineId('b') })], has_next: false }),
    }),
  )

  test('one', async () => {
    expect(await cli('machine', 'kill', 'mch_a')).toEqual({ code: 0, out: 'destroyed mch_a\n', err: '' })
    expect(JSON.parse((await cli('machine', 'kill', 'mch_a', '--json')).out)).toEqual({ id: 'mch_a', status: 'destroyed' })
    expect((await cli('machine', 'kill', 'mch_gone')).code).toBe(3)
  })

  test('several: one failure does not spare the others', async () => {
    const { code, out, err } = await cli('machine', 'kill', 'mch_a', 'mch_gone', 'mch_b', 'mch_a')
    expect([code, out]).toEqual([3, 'destroyed mch_a\ndestroyed mch_b\n'])
    expect(err).toContain('error: There is no machine mch_gone. (machine_not_found)')
  })

  test.each([
    ['nobody to ask', undefined, [], 2, 0],
    ['no', 'n', [], 2, 0],
    ['yes', 'y', [], 0, 2],
    ['--yes', undefined, ['--yes'], 0, 2],
  ])('--all, %s', async (_, answer, more, code, destroyed) => {
    const asked = testCli({ env: env(), ...(answer === undefined ? {} : { answer }) })
    expect((await asked('machine', 'kill', '--all', ...more)).code).toBe(code)
    expect(daemon.seen.filter(({ route }) => route === 'destroyMachine')).toHaveLength(destroyed)
  })
})
