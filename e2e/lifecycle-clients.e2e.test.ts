// The same short story with each program of ours: pause, go on, copy, look at the family, clean up.

import { Client, Machine, Snapshot } from '@nullspace/sdk'
import { beforeAll, describe, expect, test } from 'vitest'
import { useShared } from './lib/shared.ts'
import { CLI, type Ran, runAsUser } from './lib/user.ts'

const shared = useShared()
const ids = async (): Promise<string[]> => (await shared.client.list()).map(({ id }) => id).toSorted()

let before: readonly string[]
beforeAll(async () => {
  before = await ids()
})

describe('on the command line', () => {
  const cli = (...args: string[]): Promise<Ran> => runAsUser(shared.clientDir, [...CLI, ...args])
  /** What a command prints that has to succeed. */
  const out = async (...args: string[]): Promise<string> => {
    const ran = await cli(...args)
    expect(ran, args.join(' ')).toMatchObject({ code: 0 })
    return ran.stdout
  }
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await out(...args, '--json')) as T
  interface Thing {
    readonly id: string
    readonly status: string
  }

  test('pause, resume, fork, tree, snapshots', async () => {
    const { id } = await json<Thing>('machine', 'create')
    await out('machine', 'exec', id, '--shell', 'echo kept > /dev/shm/kept')
    expect(await out('machine', 'pause', id)).toBe(`paused ${id}\n`)
    expect((await json<Thing>('machine', 'get', id)).status).toBe('paused')
    expect((await cli('machine', 'exec', id, 'true')).code).toBe(7)
    expect(await out('machine', 'resume', id)).toMatch(new RegExp(`^running ${id}`))
    const children = await json<Thing[]>('machine', 'fork', id, '--count', '2')
    expect(children.map(({ status }) => status)).toEqual(['running', 'running'])
    const tree = await out('machine', 'tree', id)
    for (const one of [id, ...children.map((child) => child.id)]) expect(tree).toMatch(new RegExp(`${one}  running`))

    const snapshot = (await out('snapshot', 'create', id)).trim()
    expect((await json<Thing[]>('snapshot', 'list', '--machine-id', id)).map((one) => one.id)).toEqual([snapshot])
    const restored = (await json<Thing>('machine', 'create', '--snapshot-id', snapshot)).id
    const all = [id, ...children.map((child) => child.id), restored]
    for (const one of all) expect(await out('machine', 'exec', one, 'cat', '/dev/shm/kept')).toBe('kept\n')
    expect(await out('snapshot', 'delete', snapshot)).toBe(`deleted ${snapshot}\n`)
    for (const one of all) await out('machine', 'kill', one)
    expect(await ids()).toEqual(before)
  })

  test('a run that fails keeps its machine for a look, one that does not keeps none', async () => {
    expect(await cli('machine', 'run', '--shell', 'echo fine')).toMatchObject({ code: 0, stdout: 'fine\n' })
    expect(await ids()).toEqual(before)
    const failed = await cli(
      'machine',
      'run',
      '--retain-on-failure',
      '--retention-seconds',
      '600',
      '--shell',
      'echo why > /root/why; exit 9',
    )
    expect(failed.code).toBe(9)
    const kept = (await ids()).find((id) => !before.includes(id)) ?? ''
    expect(failed.stderr).toContain(kept)
    expect(await out('machine', 'exec', kept, 'cat', '/root/why')).toBe('why\n')
    await out('machine', 'kill', kept)
    expect(await ids()).toEqual(before)
  })

  test('nothing is left lying that gc would remove', async () => {
    expect(await json('gc', '--dry-run')).toEqual({ dry_run: true, items: [] })
  })
})

describe('with the TypeScript SDK', () => {
  const client = new Client({ baseUrl: shared.client.url, apiKey: shared.client.key })

  test('pause, resume, fork, lineage, snapshots', async () => {
    await using machine = await Machine.create({ client, timeout: 600 })
    const shell = async (one: Machine, command: string): Promise<string> =>
      (await one.commands.run(command, { shell: true })).stdout.trimEnd()
    await shell(machine, 'echo kept > /dev/shm/kept')
    const paused = await machine.pause()
    expect(paused).toMatchObject({ machineId: machine.id })
    expect(await machine.getInfo()).toMatchObject({ status: 'paused', snapshotId: paused.id })
    expect(await machine.resume()).toMatchObject({ id: machine.id, status: 'running' })
    await machine.pause()
    const connected = await Machine.connect(machine.id, { client })
    expect(await shell(connected, 'cat /dev/shm/kept')).toBe('kept')

    const snapshot = await machine.createSnapshot()
    await using child = await machine.fork()
    const [grandchild] = await child.forkMany(1)
    await using last = grandchild!
    await using restored = await Machine.create({ client, snapshotId: snapshot.id })
    for (const one of [child, last, restored])
      expect(await shell(one, 'cat /dev/shm/kept; hostname')).toBe(`kept\n${one.id.replace('_', '-')}`)
    const { rootMachineId, nodes } = await last.lineage()
    expect([rootMachineId, nodes.map((node) => node.machineId).toSorted()]).toEqual([
      machine.id,
      [machine.id, child.id, last.id, restored.id].toSorted(),
    ])
    expect(await machine.setTimeout(60, { timeoutAction: 'hibernate' })).toMatchObject({ timeoutMs: 60_000, timeoutAction: 'hibernate' })
    expect((await Snapshot.list({ client, machineId: machine.id })).map(({ id }) => id)).toEqual([snapshot.id])
    await Snapshot.delete(snapshot.id, { client })
    expect(await Snapshot.list({ client, machineId: machine.id })).toEqual([])
    const { events } = await machine.listLifecycle()
    expect(new Set(events.filter(({ status }) => status === 'succeeded').map(({ operation }) => operation))).toEqual(
      new Set(['create', 'hibernate', 'resume_from_snapshot', 'snapshot_created', 'fork', 'timeout_updated']),
    )
  })

  test('a machine for one command', async () => {
    const { exitCode, retained, machineId } = await Machine.runOnce('exit 3', {
      client,
      shell: true,
      retainOnFailure: true,
      retentionSeconds: 600,
    })
    expect([exitCode, retained]).toEqual([3, true])
    await Machine.kill(machineId, { client })
    expect(await ids()).toEqual(before)
  })
})
