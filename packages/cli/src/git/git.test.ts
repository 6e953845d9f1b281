import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n'

let daemon: FakeDaemon
let cli: TestCli
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = made()
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

const made = ({ env, ...options }: TestOptions = {}) =>
  testCli({ ...options, env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key, ...env } })
const git = (verb: string, ...argv: string[]) => cli('machine', 'git', verb, 'mch_x', ...argv)
const bodies = (): unknown[] => daemon.seen.map(({ body }) => body)

describe('clone', () => {
  beforeEach(() => daemon.on({ gitClone: ({ body }) => ({ path: `/workspace/${body.path}` }) }))

  test.each([
    ['https://git.example.com/team/project.git', 'project'],
    ['https://git.example.com/team/project/', 'project'],
    ['git@git.example.com:project.git', 'project'],
  ])('%s goes to %s', async (url, name) => {
    expect(await git('clone', url, '--branch', 'main', '--depth', '1')).toEqual({ code: 0, out: `cloned to /workspace/${name}\n`, err: '' })
    expect(bodies()).toEqual([{ url, path: name, branch: 'main', depth: 1 }])
  })

  test('to a path', async () => {
    expect(JSON.parse((await git('clone', 'https://git.example.com/a', 'b', '--json')).out)).toEqual({ path: '/workspace/b' })
    expect((await git('clone', '/')).code).toBe(2)
  })
})

describe('who one is', () => {
  const clone = (...argv: string[]) => git('clone', 'https://git.example.com/a', ...argv)
  const auth = (): unknown => (daemon.seen[0]?.body as { readonly auth?: unknown } | undefined)?.auth
  beforeEach(() => daemon.on({ gitClone: () => ({ path: '/a' }) }))

  test('a password from standard input', async () => {
    cli = made({ input: 's3cret\n', env: { NULLSPACE_GIT_PASSWORD: 'other' } })
    expect((await clone('--username', 'ci', '--password-stdin')).code).toBe(0)
    expect(auth()).toEqual({ kind: 'https', username: 'ci', password: 's3cret' })
  })

  test('from the environment, for a named user only', async () => {
    cli = made({ env: { NULLSPACE_GIT_PASSWORD: 's3cret' } })
    expect((await clone('--username', 'ci')).code).toBe(0)
    expect(auth()).toEqual({ kind: 'https', username: 'ci', password: 's3cret' })
    expect((await clone()).code).toBe(0)
    expect(daemon.seen[1]?.body).not.toHaveProperty('auth')
  })

  test('asked for', async () => {
    cli = made({ answer: 's3cret' })
    expect((await clone('--username', 'ci')).code).toBe(0)
    expect(auth()).toEqual({ kind: 'https', username: 'ci', password: 's3cret' })
  })

  test('a key, with its passphrase', async () => {
    cli = made({ input: 'phrase\n', env: { NULLSPACE_GIT_PASSWORD: 'other' } })
    writeFileSync(join(cli.home, 'key'), KEY)
    expect((await clone('--ssh-key', 'key', '--password-stdin')).code).toBe(0)
    expect(auth()).toEqual({ kind: 'ssh', private_key: KEY, passphrase: 'phrase' })
    expect((await clone('--ssh-key', 'key')).code).toBe(0)
    expect(daemon.seen[1]?.body).toMatchObject({ auth: { kind: 'ssh', private_key: KEY } })
  })

  test.each([
    [['--username', 'ci'], 'no password is given'],
    [['--password-stdin'], '--password-stdin needs --username or --ssh-key'],
    [['--username', 'ci', '--ssh-key', 'key'], '--username and --ssh-key exclude each other'],
    [['--ssh-key', 'absent'], 'there is nothing at '],
  ])('%j', async (argv, message) => {
    const { code, err } = await clone(...argv)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(daemon.seen).toEqual([])
  })
})

test('status', async () => {
  daemon.on({
    gitStatus: () => ({
      branch: 'main',
      detached: false,
      clean: false,
      ahead: 2,
      behind: 0,
      changed: [
        { path: 'b', original_path: 'a', status: 'renamed', staged: true, unstaged: false },
        { path: 'src/x.ts', status: 'modified', staged: true, unstaged: true },
        { path: 'new/', status: 'untracked', staged: false, unstaged: true },
      ],
    }),
  })
  const { out } = await git('status', '/w/p')
  expect(out).toMatchInlineSnapshot(`
    "on main, 2 ahead
    CHANGE     STAGED  PATH
    renamed    yes     a -> b
    modified   partly  src/x.ts
    untracked  no      new/
    "
  `)
  expect(daemon.seen[0]?.query).toEqual({ path: '/w/p' })
  expect(JSON.parse((await git('status', '/w/p', '--json')).out)).toMatchObject({ changed: [{ original_path: 'a' }, {}, {}] })
  daemon.on({ gitStatus: () => ({ detached: true, clean: true, changed: [] }) })
  expect((await git('status', '/w/p')).out).toBe('detached, clean\n')
})

test('log', async () => {
  const commit = {
    sha: 'a'.repeat(40),
    author_name: 'Ada',
    author_email: 'a@b',
    date: '2026-11-01T10:00:00Z',
    message: 'Fix\u001b[2J it\n\nmore',
  }
  daemon.on({ gitLog: () => ({ commits: [commit] }) })
  expect((await git('log', '/w/p', '--limit', '5')).out).toMatchInlineSnapshot(`
    "COMMIT      DATE                  AUTHOR  MESSAGE
    aaaaaaaaaa  2026-11-01 10:00:00Z  Ada     Fix [2J it
    "
  `)
  expect(daemon.seen[0]?.query).toEqual({ path: '/w/p', limit: '5' })
  expect(JSON.parse((await git('log', '/w/p', '--json')).out)).toEqual([commit])
})

test('branch', async () => {
  daemon.on({ gitBranchList: () => ({ branches: ['fix', 'main'], current: 'main' }), gitBranch: () => ({ ok: true }) })
  expect((await git('branch', '/w/p')).out).toBe('  fix\n* main\n')
  expect(JSON.parse((await git('branch', '/w/p', '--json')).out)).toEqual({ branches: ['fix', 'main'], current: 'main' })
  expect((await git('branch', '/w/p', 'fix-17')).out).toBe('created fix-17\n')
  expect((await git('branch', '/w/p', 'fix-17', '--delete', '--force')).out).toBe('deleted fix-17\n')
  expect(bodies().slice(2)).toEqual([
    { path: '/w/p', name: 'fix-17', action: 'create' },
    { path: '/w/p', name: 'fix-17', action: 'delete', force: true },
  ])
  expect((await git('branch', '/w/p', '--delete')).code).toBe(2)
})

test('checkout, add, commit', async () => {
  daemon.on({ gitCheckout: () => ({ ok: true }), gitAdd: () => ({ ok: true }), gitCommit: () => ({ sha: 'abc123' }) })
  cli = made({ input: 'from stdin\n' })
  expect((await git('checkout', '/w/p', 'fix', '--create')).out).toBe('on fix\n')
  expect(await git('add', '/w/p')).toEqual({ code: 0, out: '', err: '' })
  expect((await git('add', '/w/p', 'src', 'README.md')).code).toBe(0)
  expect((await git('commit', '/w/p', '-m', 'Fix', '--all', '--author', 'Ada <a@b>')).out).toBe('abc123\n')
  expect((await git('commit', '/w/p', 'README.md', '-m', '-')).code).toBe(0)
  expect(bodies()).toEqual([
    { path: '/w/p', ref: 'fix', create: true },
    { path: '/w/p' },
    { path: '/w/p', files: ['src', 'README.md'] },
    { path: '/w/p', message: 'Fix', add_all: true, author_name: 'Ada', author_email: 'a@b' },
    { path: '/w/p', message: 'from stdin\n', files: ['README.md'] },
  ])
  expect((await git('commit', '/w/p')).code).toBe(2)
  expect((await git('commit', '/w/p', '-m', 'x', '--author', 'Ada')).code).toBe(2)
})

test('pull and push', async () => {
  daemon.on({ gitPull: () => ({ summary: 'Already up to date.' }), gitPush: () => ({ summary: 'main -> main\n' }) })
  cli = made({ env: { NULLSPACE_GIT_PASSWORD: 's3cret' } })
  expect((await git('pull', '/w/p', '--username', 'ci')).out).toBe('Already up to date.\n')
  expect((await git('push', '/w/p', '--remote', 'up', '--branch', 'main', '--set-upstream')).out).toBe('main -> main\n')
  expect(bodies()).toEqual([
    { path: '/w/p', auth: { kind: 'https', username: 'ci', password: 's3cret' } },
    { path: '/w/p', remote: 'up', branch: 'main', set_upstream: true },
  ])
  expect(JSON.parse((await git('pull', '/w/p', '--json')).out)).toEqual({ summary: 'Already up to date.' })
})

test('what git fails with', async () => {
  daemon.on({
    gitPush: () => {
      throw new AppError('git_error', { say: 'git push failed: rejected.', details: { exit_code: 1, output: 'rejected' } })
    },
  })
  const { code, err } = await git('push', '/w/p')
  expect(code).toBe(1)
  expect(err).toContain('error: git push failed: rejected. (git_error)\n')
})
