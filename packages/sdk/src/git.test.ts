import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DROP, fakeDaemon, type FakeDaemon } from '../test/fake-daemon.ts'
import { machine } from '../test/samples.ts'
import { Client, GitError, Machine, type Git } from './index.ts'

let daemon: FakeDaemon
let git: Git
beforeEach(async () => {
  daemon = await fakeDaemon()
  daemon.on({ createMachine: () => machine() })
  git = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: async () => {} }) })).git
})
afterEach(() => daemon[Symbol.asyncDispose]())

const seen = () => daemon.seen.slice(1)
const bodies = (): unknown[] => seen().map(({ body }) => body)
const PATH = '/workspace/app'

test('clone, with either kind of credentials', async () => {
  daemon.on({ gitClone: ({ body }) => ({ path: `/workspace/${body.path}` }) })
  expect(
    await git.clone('https://h/a.git', 'app', { branch: 'main', depth: 1, auth: { kind: 'https', username: 'u', password: 'p' } }),
  ).toBe(PATH)
  const privateKey = '-----BEGIN OPENSSH PRIVATE KEY-----\nx'
  await git.clone('git@h:a.git', 'app', { auth: { kind: 'ssh', privateKey } })
  expect(bodies()).toEqual([
    { url: 'https://h/a.git', path: 'app', branch: 'main', depth: 1, auth: { kind: 'https', username: 'u', password: 'p' } },
    { url: 'git@h:a.git', path: 'app', auth: { kind: 'ssh', private_key: privateKey } },
  ])
})

test('what there is', async () => {
  daemon.on({
    gitStatus: () => ({
      detached: false,
      clean: false,
      branch: 'main',
      ahead: 1,
      behind: 0,
      changed: [{ path: 'b', status: 'renamed', staged: true, unstaged: false, original_path: 'a' }],
    }),
    gitLog: () => ({ commits: [{ sha: 'abc', author_name: 'A', author_email: 'a@h', date: '2026-11-01T10:00:00Z', message: 'm' }] }),
    gitBranchList: () => ({ branches: ['main', 'x'], current: 'main' }),
  })
  expect(await git.status(PATH)).toEqual({
    detached: false,
    clean: false,
    branch: 'main',
    ahead: 1,
    behind: 0,
    changed: [{ path: 'b', status: 'renamed', staged: true, unstaged: false, originalPath: 'a' }],
  })
  expect(await git.log(PATH, { limit: 1 })).toEqual([
    { sha: 'abc', authorName: 'A', authorEmail: 'a@h', date: '2026-11-01T10:00:00Z', message: 'm' },
  ])
  expect(await git.branches(PATH)).toEqual({ branches: ['main', 'x'], current: 'main' })
  expect(seen().map(({ query }) => query)).toEqual([{ path: PATH }, { path: PATH, limit: '1' }, { path: PATH }])
})

test('what changes something', async () => {
  const ok = () => ({ ok: true })
  daemon.on({ gitBranch: ok, gitCheckout: ok, gitAdd: ok, gitCommit: () => ({ sha: 'abc' }) })
  await git.createBranch(PATH, 'x')
  await git.deleteBranch(PATH, 'x', { force: true })
  await git.checkout(PATH, 'y', { create: true })
  await git.add(PATH)
  await git.add(PATH, ['a\udcff'])
  expect(await git.commit(PATH, 'm', { all: true, author: { name: 'A', email: 'a@h' } })).toBe('abc')
  await git.commit(PATH, 'm', { files: ['a'] })
  expect(bodies()).toEqual([
    { path: PATH, name: 'x', action: 'create' },
    { path: PATH, name: 'x', action: 'delete', force: true },
    { path: PATH, ref: 'y', create: true },
    { path: PATH },
    { path: PATH, files: ['a\udcff'] },
    { path: PATH, message: 'm', add_all: true, author_name: 'A', author_email: 'a@h' },
    { path: PATH, message: 'm', files: ['a'] },
  ])
})

test('pull and push', async () => {
  daemon.on({ gitPull: () => ({ summary: 'pulled' }), gitPush: () => ({ summary: 'pushed' }) })
  expect(await git.pull(PATH)).toBe('pulled')
  const auth = { kind: 'https', username: 'u', password: 'p' } as const
  expect(await git.push(PATH, { remote: 'up', branch: 'x', setUpstream: true, auth })).toBe('pushed')
  expect(bodies()).toEqual([{ path: PATH }, { path: PATH, remote: 'up', branch: 'x', set_upstream: true, auth }])
})

test('what git says no to', async () => {
  daemon.on({
    gitPush() {
      throw new AppError('git_error', { say: 'git push: rejected', details: { exit_code: 1, output: '! [rejected]' } })
    },
    gitStatus() {
      throw new AppError('file_not_found', { say: 'no such directory' })
    },
  })
  const error = await git.push(PATH).catch((failed: unknown) => failed)
  expect(error).toBeInstanceOf(GitError)
  expect(error).toMatchObject({ code: 'git_error', message: 'git push: rejected', exitCode: 1, output: '! [rejected]' })
  await expect(git.status(PATH)).rejects.toMatchObject({ name: 'NotFoundError', code: 'file_not_found' })
})

test('what is lost is asked again, what changes something is not', async () => {
  let calls = 0
  daemon.on({ gitBranchList: () => (calls++ === 0 ? DROP : { branches: [] }), gitCommit: () => DROP })
  expect(await git.branches(PATH)).toEqual({ branches: [] })
  await expect(git.commit(PATH, 'm')).rejects.toMatchObject({ code: 'transport_error' })
  expect(seen()).toHaveLength(3)
})

test('an aborted signal rejects with its reason', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  daemon.on({
    gitClone() {
      stop.abort(reason)
      return { path: PATH }
    },
  })
  await expect(git.clone('https://h/a.git', PATH, { signal: stop.signal })).rejects.toBe(reason)
})
