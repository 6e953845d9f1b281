import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, raw, type FakeDaemon } from '../test/fake-daemon.ts'
import { execResult, hostStatus, keyInfo, machine, machineId, template } from '../test/samples.ts'
import { ApiKey, Client, Host, Machine, MachineError, NotFoundError, Template } from './index.ts'

let daemon: FakeDaemon
let client: Client
beforeEach(async () => {
  daemon = await fakeDaemon()
  client = new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: () => Promise.resolve() })
  daemon.on({ createMachine: () => machine() })
})
afterEach(() => daemon[Symbol.asyncDispose]())

describe('create', () => {
  test('sends the defaults of these clients', async () => {
    await Machine.create({ client })
    expect(daemon.seen[0]?.body).toMatchObject({ template: 'base', vcpus: 2, memory_mb: 512, timeout_ms: 300_000, internet_access: true })
  })

  test('sends what was asked for', async () => {
    const envs = { NODE_ENV: 'test' }
    const asked = {
      template: 'desktop',
      vcpus: 4,
      diskMb: 8192,
      timeout: 1.5,
      cwd: '/srv',
      envs,
      metadata: { run_id: 1 },
      internetAccess: false,
    }
    await Machine.create({ client, ...asked, idempotencyKey: 'once' })
    expect(daemon.seen[0]?.headers['idempotency-key']).toBe('once')
    expect(daemon.seen[0]?.body).toMatchObject({
      template: 'desktop',
      vcpus: 4,
      memory_mb: 2048,
      disk_mb: 8192,
      timeout_ms: 1500,
      cwd: '/srv',
      envs,
      metadata: { run_id: 1 },
      internet_access: false,
    })
  })

  test('gives a handle; declared keys are renamed, the user’s are not', async () => {
    const { id, info } = await Machine.create({ client })
    expect(id).toBe(machineId('a'))
    expect(info).toMatchObject({ config: { memoryMb: 512 }, createdAt: '2026-11-01T10:00:00.000Z', metadata: { run_id: 'r1' } })
  })

  test('ignores keys it does not know, refuses wrong ones', async () => {
    daemon.on({ createMachine: () => raw(201, `  ${JSON.stringify({ ...machine(), future: 1 })}`) })
    expect((await Machine.create({ client })).info).not.toHaveProperty('future')
    daemon.on({ createMachine: () => raw(201, '{"id":7}') })
    await expect(Machine.create({ client })).rejects.toMatchObject({ code: 'invalid_response' })
    daemon.on({ createMachine: () => raw(201, '<html>') })
    await expect(Machine.create({ client })).rejects.toMatchObject({ code: 'invalid_response' })
  })
})

test('await using destroys the machine and ignores errors of this library', async () => {
  daemon.on({ destroyMachine: ({ params }) => ({ id: params['id'] ?? '', status: 'destroyed' }) })
  {
    await using one = await Machine.create({ client })
    expect(one.id).toBeTruthy()
  }
  expect(daemon.seen.at(-1)).toMatchObject({ route: 'destroyMachine', params: { id: machineId('a') } })
  for (const code of ['machine_not_found', 'internal_error', undefined] as const) {
    daemon.on({
      destroyMachine: () => {
        if (code === undefined) return DROP
        throw new AppError(code, { say: 'no' })
      },
    })
    const one = await Machine.create({ client })
    await one[Symbol.asyncDispose]()
    await expect(one.kill()).rejects.toThrow(MachineError)
  }
})

describe('commands', () => {
  test('run', async () => {
    daemon.on({ execCommand: () => execResult({ exit_code: 3, stdout: 'a\0b\n', stderr: 'é', stdout_dropped_bytes: 5 }) })
    const { commands } = await Machine.create({ client })
    const result = await commands.run('python3', ['-c', 'x'], { timeout: 5, cwd: '/srv', envs: { A: '1' } })
    expect(result).toEqual({ exitCode: 3, stdout: 'a\0b\n', stderr: 'é', pid: 41, stdoutDroppedBytes: 5 })
    await commands.run('echo hi', { shell: true })
    expect(daemon.seen.slice(1).map(({ body }) => body)).toEqual([
      { command: 'python3', args: ['-c', 'x'], timeout_secs: 5, cwd: '/srv', envs: { A: '1' }, shell: false, background: false },
      { command: 'echo hi', timeout_secs: 30, shell: true, background: false },
    ])
  })
})

describe('reading', () => {
  test('connect, getInfo, fields', async () => {
    daemon.on({ getMachine: ({ query }) => (query['fields'] ? { id: machineId('a'), timeout_ms: 5 } : machine({ status: 'error' })) })
    const handle = await Machine.connect(machineId('a'), { client })
    expect([handle.info.status, (await handle.getInfo()).timeoutMs]).toEqual(['error', 300_000])
    const some = await Machine.getInfo(machineId('a'), { client, fields: ['id', 'timeoutMs'] })
    expect(some).toEqual({ id: machineId('a'), timeoutMs: 5 })
    expect(daemon.seen.at(-1)?.query).toEqual({ fields: 'id,timeout_ms' })
  })

  test('an id that would change the path is not sent; others are escaped', async () => {
    for (const id of ['', '.', '..']) await expect(Machine.getInfo(id, { client })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(Machine.getInfo('a/b?c', { client })).rejects.toThrow(NotFoundError)
    daemon.on({ getMachine: () => machine() })
    await Machine.getInfo('a/b?c', { client })
    expect(daemon.seen[0]?.params).toEqual({ id: 'a/b?c' })
  })

  test('list walks the pages', async () => {
    daemon.on({
      listMachines: ({ query }) =>
        query['next_token']
          ? { items: [machine({ id: machineId('c') })], has_next: false }
          : { items: [machine(), machine({ id: machineId('b') })], has_next: true, next_token: 't2' },
    })
    const list = Machine.list({ client, state: ['running', 'paused'], template: 'base', metadata: { run_id: 'r1' }, limit: 2 })
    const letters: (string | undefined)[] = []
    for await (const { id } of list) letters.push(id[4])
    expect(letters).toEqual(['a', 'b', 'c'])
    expect(daemon.seen.map(({ query }) => query)).toEqual([
      { limit: '2', state: 'running,paused', template: 'base', metadata: '{"run_id":"r1"}' },
      { limit: '2', state: 'running,paused', template: 'base', metadata: '{"run_id":"r1"}', next_token: 't2' },
    ])
    const page = await list.page()
    expect([page.items.length, page.nextToken]).toEqual([2, 't2'])
  })

  test('templates, keys, host', async () => {
    daemon.on({ listTemplates: () => [template()] })
    daemon.on({ listApiKeys: () => [keyInfo()] })
    daemon.on({
      createApiKey: ({ body }) => ({
        id: keyInfo().id,
        key: daemon.key,
        prefix: 'ns_live_kkkk',
        name: body.name ?? null,
        scope: 'user',
        owner: 'default',
      }),
    })
    daemon.on({ revokeApiKey: () => ({ success: true }) })
    daemon.on({ getHostStatus: () => hostStatus() })
    expect((await Template.list({ client }))[0]).toMatchObject({ defaultTag: 'latest', shapes: [{ vcpus: 2, memoryMb: 512 }] })
    expect((await ApiKey.list({ client }))[0]).toMatchObject({ isActive: true, lastUsedAt: null })
    expect(await ApiKey.create({ client, name: 'ci' })).toMatchObject({ key: daemon.key, name: 'ci' })
    await ApiKey.revoke(keyInfo().id, { client })
    expect((await Host.status({ client })).shapes[0]).toMatchObject({ memoryMb: 512, state: 'ready' })
    await Host.health({ client })
  })
})

test('without a key nothing is sent, but for what needs none', async () => {
  const keyless = new Client({ apiKey: '', baseUrl: `${daemon.url}//` })
  await expect(Machine.create({ client: keyless })).rejects.toMatchObject({ name: 'AuthError', code: 'missing_api_key' })
  expect(daemon.seen).toEqual([])
  await Host.health({ client: keyless })
  expect(daemon.seen[0]?.headers.authorization).toBeUndefined()
})
