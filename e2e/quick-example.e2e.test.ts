// The first thing that anybody does with the product, in each of the ways to do it. Key and address come from the file
// that the daemon wrote, as on a host that was just set up.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { REPO } from './lib/daemon.ts'
import { useShared } from './lib/shared.ts'
import { CLI, NODE, type Ran, runAsUser } from './lib/user.ts'
import { publishedClientPython } from './published-client/venv.ts'

const shared = useShared()
const ID = /^mch_[a-z0-9]+$/
const user = (argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran> => runAsUser(shared.clientDir, argv, env)

/** Ids that are there now; an example cleans up after itself. */
const ids = async (): Promise<string[]> => (await shared.client.list()).map(({ id }) => id)

let before: readonly string[]
beforeAll(async () => {
  before = await ids()
})

describe('the quick example', () => {
  const expectRan = async ({ code, stdout, stderr }: Ran): Promise<void> => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^mch_[a-z0-9]+ Python 3\.\d+\.\d+\n$/)
    expect(await ids()).toEqual(before)
  }

  test('in Python', async () => {
    // The repository's own environment where it is set up; else the SDK's source beside an installed httpx.
    const venv = join(REPO, '.venv/bin/python')
    const [python, env] = existsSync(venv) ? [venv, {}] : [await publishedClientPython(), { PYTHONPATH: join(REPO, 'python/src') }]
    await expectRan(await user([python, join(REPO, 'examples/quick.py')], { ...env, PYTHONDONTWRITEBYTECODE: '1' }))
  }, 400_000)

  test('in TypeScript', async () => {
    await expectRan(await user([...NODE, join(REPO, 'examples/quick.ts')]))
  })

  test('on the command line', async () => {
    const cli = (...args: string[]): Promise<Ran> => user([...CLI, ...args])
    const created = await cli('machine', 'create', '--json', '--metadata', 'job=17')
    expect(created).toMatchObject({ code: 0, stderr: '' })
    const { id, status } = JSON.parse(created.stdout) as { id: string; status: string }
    expect([id, status]).toEqual([expect.stringMatching(ID), 'running'])
    expect(await cli('machine', 'exec', id, 'python3', '--', '--version')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Python 3/),
      stderr: '',
    })
    expect(await cli('machine', 'exec', id, '--shell', 'echo out; echo err >&2; exit 42')).toEqual({
      code: 42,
      stdout: 'out\n',
      stderr: expect.stringContaining('err\n'),
    })
    expect(JSON.parse((await cli('machine', 'get', id, '--json')).stdout)).toMatchObject({ id, metadata: { job: '17' } })
    expect((await cli('machine', 'list')).stdout).toContain(id)
    expect(await cli('machine', 'kill', id)).toMatchObject({ code: 0, stdout: `destroyed ${id}\n` })
    expect((await cli('machine', 'get', id)).code).toBe(3)
    expect(await ids()).toEqual(before)
  })

  test('with curl', async () => {
    const curl = (method: string, path: string, body?: unknown): Promise<Ran> =>
      user([
        'curl',
        '--silent',
        '--show-error',
        '--fail-with-body',
        '-X',
        method,
        ...(body === undefined ? [] : ['--json', JSON.stringify(body)]),
        '-H',
        `Authorization: Bearer ${shared.client.key}`,
        shared.client.url + path,
      ])
    const { stdout } = await curl('POST', '/v1/machines', { template: 'base' })
    const { id } = JSON.parse(stdout) as { id: string }
    expect(id).toMatch(ID)
    const run = await curl('POST', `/v1/machines/${id}/exec`, { command: 'python3', args: ['--version'] })
    expect(JSON.parse(run.stdout)).toMatchObject({ exit_code: 0, stdout: expect.stringMatching(/^Python 3/) })
    expect(JSON.parse((await curl('DELETE', `/v1/machines/${id}`)).stdout)).toEqual({ id, status: 'destroyed' })
    expect((await curl('GET', `/v1/machines/${id}`)).code).toBe(22)
  })
})
