// The life of a machine through the HTTP edge: what a caller asks, what comes back.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const exec = (id: string, body: Record<string, unknown>) => world.call('POST', `/v1/machines/${id}/exec`, { body })

describe('create', () => {
  test('answers with a running machine whose options are in force', async () => {
    const { status, body } = await world.call('POST', '/v1/machines', {
      body: {
        vcpus: 2,
        memory_mb: 512,
        disk_mb: 8192,
        timeout_ms: 60000.0,
        envs: { COLOUR: 'blue' },
        metadata: { job: 7 },
        cwd: '/tmp/../tmp',
        network: null,
        volumes: null,
        desktop: null,
      },
    })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^mch_[a-z2-7]{20}$/),
      status: 'running',
      config: { vcpus: 2, memory_mb: 512, disk_mb: 8192 },
      template: 'base',
      created_at: '2027-01-15T08:00:00.000Z',
      started_at: '2027-01-15T08:00:00.000Z',
      last_active_at: '2027-01-15T08:00:00.000Z',
      metadata: { job: 7 },
      timeout_ms: 60000,
      timeout_at: '2027-01-15T08:01:00.000Z',
      expires_at: '2027-01-15T08:01:00.000Z',
      remaining_ms: 60000,
      timeout_action: 'destroy',
      auto_resume: false,
      ephemeral: false,
      cwd: '/tmp',
    })
    expect((await exec(body.id, { command: 'pwd; echo $COLOUR', shell: true })).body.stdout).toBe('/tmp\nblue\n')
    expect(world.vms.vms.get(body.id)?.diskBytes).toBe(8192 * 1024 * 1024)
  })

  test('two machines have identities of their own', async () => {
    const ids = await Promise.all([world.machine(), world.machine()])
    const of = async (command: string) => Promise.all(ids.map(async ({ id }) => (await exec(id, { command, shell: true })).body.stdout))
    for (const command of ['hostname', 'cat /etc/machine-id']) {
      const [a, b] = await of(command)
      expect(a).not.toBe(b)
    }
  })

  test('a repeat of the key gets the same machine, also while the first is at work', async () => {
    const send = () => world.call('POST', '/v1/machines', { body: { metadata: { a: 1 } }, headers: { 'idempotency-key': 'k-1' } })
    const answers = await Promise.all([send(), send(), send()])
    const again = await send()
    expect(new Set([...answers, again].map(({ body }) => body.id)).size).toBe(1)
    expect(world.vms.vms.size).toBe(1)
  })

  test('the key of another request is refused; the same key of another owner is not', async () => {
    const headers = { 'idempotency-key': 'k-2' }
    await world.call('POST', '/v1/machines', { body: {}, headers })
    const other = await world.call('POST', '/v1/machines', { body: { memory_mb: 512 }, headers })
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_conflict'])
    const mallory = await world.otherOwner()
    expect((await world.call('POST', '/v1/machines', { body: {}, headers, key: mallory.key })).status).toBe(201)
  })

  test('ten at once all succeed', async () => {
    const machines = await Promise.all(Array.from({ length: 10 }, () => world.machine()))
    expect(new Set(machines.map(({ id }) => id)).size).toBe(10)
  })
})

describe('end', () => {
  test('destroyed means gone for every verb, and nothing is left', async () => {
    const { id } = await world.machine()
    expect(await world.call('DELETE', `/v1/machines/${id}`)).toMatchObject({ status: 200, body: { id, status: 'destroyed' } })
    for (const [method, path, body] of [
      ['GET', `/v1/machines/${id}`, undefined],
      ['DELETE', `/v1/machines/${id}`, undefined],
      ['POST', `/v1/machines/${id}/exec`, { command: 'true' }],
    ] as const) {
      expect((await world.call(method, path, { body })).body.code).toBe('machine_not_found')
    }
    expect(await world.leftovers()).toEqual([])
  })

  test('two destroys at once both succeed', async () => {
    const { id } = await world.machine()
    const answers = await Promise.all([world.call('DELETE', `/v1/machines/${id}`), world.call('DELETE', `/v1/machines/${id}`)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  })

  test('the deadline destroys', async () => {
    const { id } = await world.machine({ timeout_ms: 5000 })
    world.clock.step(4999)
    expect((await world.call('GET', `/v1/machines/${id}`)).body.remaining_ms).toBe(1)
    world.clock.step(1)
    await until(
      () => world.leftovers(),
      (left) => left.length === 0,
      { what: 'the expired machine is gone' },
    )
    expect((await world.call('GET', `/v1/machines/${id}`)).status).toBe(404)
  })

  test('a VM that dies by itself leaves an error with its reason, and nothing else', async () => {
    const { id } = await world.machine()
    world.vms.crash(id, 'the hypervisor was killed by signal SIGKILL')
    await until(
      () => world.call('GET', `/v1/machines/${id}`),
      ({ body }) => body.status === 'error',
      { what: 'status error' },
    )
    const { body } = await world.call('GET', `/v1/machines/${id}`)
    expect(body.error_reason).toBe('the hypervisor was killed by signal SIGKILL')
    await until(
      () => world.leftovers(),
      (left) => left.length === 0,
      { what: 'nothing left over' },
    )
    expect((await exec(id, { command: 'true' })).body).toMatchObject({
      code: 'machine_not_ready',
      error: expect.stringContaining('SIGKILL'),
    })
    expect((await world.call('DELETE', `/v1/machines/${id}`)).status).toBe(200)
  })
})

describe('list', () => {
  test('a bare array without a query, pages with one', async () => {
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      world.clock.step(1000)
      ids.unshift((await world.machine({ metadata: { even: i % 2 === 0, n: i } })).id)
    }
    const bare = await world.call('GET', '/v1/machines')
    expect(bare.body.map((machine: { id: string }) => machine.id)).toEqual(ids)

    const seen: string[] = []
    let path = '/v1/machines?limit=2'
    for (;;) {
      const { body } = await world.call('GET', path)
      seen.push(...body.items.map((machine: { id: string }) => machine.id))
      if (!body.has_next) {
        expect(body).not.toHaveProperty('next_token')
        break
      }
      path = `/v1/machines?limit=2&next_token=${body.next_token}`
    }
    expect(seen).toEqual(ids)

    const count = async (query: string) => (await world.call('GET', `/v1/machines?${query}`)).body.items.length
    expect(await count(`metadata=${encodeURIComponent('{"even":true}')}`)).toBe(3)
    expect(await count(`metadata=${encodeURIComponent('{"even":true,"n":2}')}`)).toBe(1)
    expect(await count('state=running,paused')).toBe(5)
    expect(await count('state=error')).toBe(0)
    expect(await count('template=base')).toBe(5)
    expect(await count('template=other')).toBe(0)
    expect((await world.call('GET', '/v1/machines?fields=id,status&limit=1')).body.items).toEqual([{ id: ids[0], status: 'running' }])
  })

  test('another owner sees nothing', async () => {
    const { id } = await world.machine()
    const { key } = await world.otherOwner()
    expect((await world.call('GET', '/v1/machines', { key })).body).toEqual([])
    for (const [method, path, body] of [
      ['GET', `/v1/machines/${id}`, undefined],
      ['DELETE', `/v1/machines/${id}`, undefined],
      ['POST', `/v1/machines/${id}/exec`, { command: 'true' }],
    ] as const) {
      expect(await world.call(method, path, { body, key })).toMatchObject({ status: 404, body: { code: 'machine_not_found' } })
    }
  })
})

describe('exec', () => {
  test('non-zero exit, streams and arguments', async () => {
    const { id } = await world.machine()
    expect((await exec(id, { command: 'echo out; echo err >&2; exit 3', shell: true })).body).toMatchObject({
      exit_code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
    expect((await exec(id, { command: 'echo', args: ['a b', "c'd", 'é\n'] })).body.stdout).toBe("a b c'd é\n\n")
    expect((await exec(id, { command: 'sh', args: ['-c', 'kill -9 $$'] })).body.exit_code).toBe(137)
  })

  test('a deadline is enforced and told', async () => {
    const { id } = await world.machine()
    const { status, body } = await exec(id, { command: 'sleep', args: ['60'], timeout_secs: 1 })
    expect([status, body.code]).toEqual([504, 'exec_timeout'])
    expect((await exec(id, { command: 'true' })).body.exit_code).toBe(0)
  })

  test('an agent that dies is reported, and the machine stays usable', async () => {
    const { id } = await world.machine()
    const running = exec(id, { command: 'sleep', args: ['30'] })
    await until(
      () => world.vms.vms.get(id)?.guest.commands,
      (count) => count === 1,
      { what: 'the command runs' },
    )
    world.vms.restartAgent(id)
    expect((await running).body.code).toBe('machine_failed')
    expect((await exec(id, { command: 'true' })).body.exit_code).toBe(0)
  })
})

test('a long command keeps the connection awake, and its timeout is then a result', { timeout: 30_000 }, async () => {
  const { id } = await world.machine()
  const answers = await Promise.all([
    exec(id, { command: 'sleep 11; echo done', shell: true }),
    exec(id, { command: 'sleep', args: ['60'], timeout_secs: 11 }),
  ])
  expect(answers.map(({ status, body }) => [status, body.exit_code, body.stdout])).toEqual([
    [200, 0, 'done\n'],
    [200, 124, ''],
  ])
  expect(answers[1]?.body.stderr).toContain('did not end within 11 s')
})
