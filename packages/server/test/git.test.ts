// Git over the HTTP edge, with a guest that answers as scripted: what it is asked to run, and what becomes of its answers.

import type { ExecOutcome, ExecRequest, Guest } from '../src/host/guest/guest.ts'
import { GuestFailure } from '../src/host/guest/guest.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Op } from '../src/observe/op.ts'
import { type Answer, createWorld, type World } from './world.ts'

type Scripted = Partial<Omit<ExecOutcome, 'stdout' | 'stderr'>> & { readonly stdout?: string; readonly stderr?: string }

const SHA = '978f6eb9ee6e9cdf99b1b5ce0561f270d3cc08f2'
const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleS1saW5l\n-----END OPENSSH PRIVATE KEY-----\n'
const HTTPS = { kind: 'https', username: 'name-of-me', password: 'word-of-mine' }

let world: World
let machine: string
let asked: ExecRequest[]
let answers: (Scripted | Error)[]
let real: Guest
beforeEach(() => {
  asked = []
  answers = []
})
beforeAll(async () => {
  world = await createWorld()
  machine = (await world.machine({ cwd: '/srv', envs: { LC_ALL: 'de_DE', HTTPS_PROXY: 'http://proxy' } })).id
  const { host } = world.daemon.app
  const guest = host.guest(machine)
  if (!guest) throw new Error('it does not run')
  real = guest
  vi.spyOn(host, 'guest').mockImplementation(() => {
    const exec = (_op: unknown, request: ExecRequest): Promise<ExecOutcome> => {
      asked.push(request)
      const answer = answers.shift() ?? {}
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(outcome(answer))
    }
    return new Proxy(guest, { get: (target, name) => (name === 'exec' ? exec : Reflect.get(target, name, target)) })
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const outcome = ({ stdout = '', stderr = '', ...rest }: Scripted): ExecOutcome => ({
  exitCode: 0,
  signal: 0,
  timedOut: false,
  pid: 7,
  droppedStdout: 0,
  droppedStderr: 0,
  ...rest,
  stdout: Buffer.from(stdout),
  stderr: Buffer.from(stderr),
})
const path = (rest: string): string => `/v1/machines/${machine}/git/${rest}`
const get = (rest: string): Promise<Answer> => world.call('GET', path(rest))
const post = (verb: string, body: Record<string, unknown>): Promise<Answer> => world.call('POST', path(verb), { body })
/** From git's subcommand on. */
const commands = (): string[][] =>
  asked.map(({ argv }) => {
    const git = argv.slice(argv.indexOf('git') + 1)
    while (git[0] === '-c') git.splice(0, 2)
    return git
  })
const inputs = (): (string | undefined)[] => asked.map(({ input }) => input && Buffer.from(input).toString())

describe('what is run', () => {
  test('reading takes no lock, asks nobody, and speaks a known language', async () => {
    answers = [{ stdout: `# branch.oid ${SHA}\0# branch.head main\0? a b\0` }]
    expect((await get('status?path=repo')).body).toEqual({
      branch: 'main',
      detached: false,
      clean: false,
      changed: [{ path: 'a b', status: 'untracked', staged: false, unstaged: true }],
    })
    expect(asked).toMatchObject([
      {
        argv: [
          'git',
          '-c',
          'core.fsmonitor=false',
          '-c',
          'protocol.ext.allow=never',
          'status',
          '--porcelain=v2',
          '--branch',
          '-z',
          '--untracked-files=normal',
          '--ahead-behind',
        ],
        cwd: '/srv/repo',
        user: '',
        timeoutMs: 60_000,
        env: { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C', HTTPS_PROXY: 'http://proxy' },
      },
    ])
    expect(inputs()).toEqual([undefined])
  })

  test('where a path is', async () => {
    for (const [given, cwd] of [
      ['/a/../b', '/b'],
      ['.', '/srv'],
      ['../x', '/x'],
      ['~/r', '/root/r'],
      ['~', '/root'],
      ['~x', '/srv/~x'],
    ] as const) {
      await post('add', { path: given })
      expect(asked.at(-1)?.cwd, given).toBe(cwd)
    }
    for (const reserved of ['/workspace/.nullspace', '../workspace/.nullspace/x', '/workspace/x/../.nullspace'])
      expect((await post('add', { path: reserved })).body).toMatchObject({ code: 'invalid_request', details: { field: 'path' } })
    expect(asked).toHaveLength(6)
  })

  test('clone', async () => {
    const answer = await post('clone', { url: 'https://h/a.git', path: 'new', branch: 'main', depth: 1 })
    expect(answer).toMatchObject({ status: 200, body: { path: '/srv/new' } })
    expect(commands()).toEqual([['clone', '--branch=main', '--depth=1', '--', 'https://h/a.git', '/srv/new']])
    expect(asked).toMatchObject([{ cwd: '/', timeoutMs: 640_000 }])
    expect(asked[0]?.argv.slice(0, 5)).toEqual(['timeout', '-k', '30', '600', 'git'])
  })

  test('log', async () => {
    answers = [
      { stdout: `${SHA}\0n\0e\0${'2026-11-25T10:07:47+00:00'}\0m\n\0` },
      { exitCode: 128, stderr: "fatal: your current branch 'x' does not have any commits yet\n" },
    ]
    const commit = { sha: SHA, author_name: 'n', author_email: 'e', date: '2026-11-25T10:07:47+00:00', message: 'm' }
    expect((await get('log?path=/r&limit=3')).body).toEqual({ commits: [commit] })
    expect((await get('log?path=/r')).body).toEqual({ commits: [] })
    expect(commands().map((argv) => argv.find((arg) => arg.startsWith('--max-count')))).toEqual(['--max-count=3', '--max-count=50'])
    for (const limit of ['0', '-1', 'x', '10001'])
      expect((await get(`log?path=/r&limit=${limit}`)).body.code, limit).toBe('invalid_request')
  })

  test('branches, with the one that has no commits yet', async () => {
    answers = [
      { stdout: ' refs/heads/a\n*refs/heads/b\n' },
      {},
      { stdout: 'refs/heads/main\n' },
      { stdout: ' refs/heads/a\n' },
      { exitCode: 1 },
    ]
    expect((await get('branch?path=/r')).body).toEqual({ branches: ['a', 'b'], current: 'b' })
    expect((await get('branch?path=/r')).body).toEqual({ branches: [], current: 'main' })
    expect((await get('branch?path=/r')).body).toEqual({ branches: ['a'] })
    expect(asked).toHaveLength(5)
  })

  test.each([
    ['branch', { name: 'n' }, ['branch', '--', 'n']],
    ['branch', { name: 'n', action: 'create', force: true }, ['branch', '--force', '--', 'n']],
    ['branch', { name: 'n', action: 'delete', force: false }, ['branch', '-d', '--', 'n']],
    ['branch', { name: 'n', action: 'delete', force: true }, ['branch', '-D', '--', 'n']],
    ['checkout', { ref: 'v1.0^{commit}' }, ['checkout', 'v1.0^{commit}', '--']],
    ['checkout', { ref: 'n', create: true }, ['checkout', '-b', 'n', '--']],
    ['add', {}, ['add', '--all']],
    ['add', { files: [] }, ['add', '--all']],
  ])('%s %j', async (verb, body, argv) => {
    expect(await post(verb, { path: '/r', ...body })).toMatchObject({ status: 200, body: { ok: true } })
    expect(commands()).toEqual([argv])
  })

  test('named files go through standard input, with their bytes', async () => {
    await post('add', { path: '/r', files: ['-x', ':(top)y', 'a\nb', '\udcff.txt'] })
    expect(commands()).toEqual([['add', '--pathspec-from-file=-', '--pathspec-file-nul']])
    expect(Buffer.from(asked[0]?.input ?? []).toString('latin1')).toBe('-x\0./:(top)y\0a\nb\0\xff.txt\0')
  })

  test('commit stages first, and tells its sha', async () => {
    answers = [{}, {}, { stdout: `${SHA}\n` }]
    const author = { author_name: 'Me', author_email: 'me@x' }
    expect((await post('commit', { path: '/r', message: '# not a comment', add_all: true, ...author })).body).toEqual({ sha: SHA })
    expect(commands()).toEqual([
      ['add', '--all'],
      ['commit', '--file=-'],
      ['rev-parse', '--verify', 'HEAD'],
    ])
    expect(inputs()).toEqual([undefined, '# not a comment', undefined])
    expect(asked[1]).toMatchObject({ env: { GIT_AUTHOR_NAME: 'Me', GIT_AUTHOR_EMAIL: 'me@x' } })
    expect(asked[1]?.argv).toEqual(expect.arrayContaining(['user.name=Me', 'user.email=me@x']))
    answers = [{}, { stdout: `${SHA}\n` }]
    expect((await post('commit', { path: '/r', message: 'm', files: [] })).status).toBe(200)
    expect(commands().slice(3)).toEqual([
      ['commit', '--file=-'],
      ['rev-parse', '--verify', 'HEAD'],
    ])
    expect((await post('commit', { path: '/r', message: 'm', author_name: 'Me' })).body.code).toBe('invalid_request')
  })

  test('pull and push', async () => {
    answers = [{ stderr: 'From file:///x\n', stdout: 'Already up to date.\n' }, {}, { stderr: 'To https://me:word@h/a\n' }, {}]
    expect((await post('pull', { path: '/r', remote: 'origin' })).body).toEqual({ summary: 'From file:///x\nAlready up to date.' })
    expect((await post('pull', { path: '/r', remote: 'up', branch: 'b', set_upstream: true })).body).toEqual({ summary: 'Done.' })
    expect((await post('push', { path: '/r' })).body).toEqual({ summary: 'To https://***@h/a' })
    await post('push', { path: '/r', branch: 'b', set_upstream: true })
    expect(commands()).toEqual([
      ['pull', '--no-edit', '--', 'origin'],
      ['pull', '--no-edit', '--set-upstream', '--', 'up', 'b'],
      ['push', '--', 'origin', 'HEAD'],
      ['push', '--set-upstream', '--', 'origin', 'b'],
    ])
  })
})

describe('refused before anything runs', () => {
  test.each([
    ['clone', { url: 'ext::sh -c id' }],
    ['clone', { url: 'https://me:word-of-mine@h/a' }],
    ['clone', { url: '--upload-pack=id' }],
    ['clone', { url: 'https://h/a', branch: '--upload-pack=id' }],
    ['clone', { url: 'https://h/a', depth: 0 }],
    ['clone', { url: 'git@h:a', auth: HTTPS }],
    ['clone', { url: 'https://h/a', auth: { kind: 'ssh', private_key: KEY } }],
    ['clone', { url: 'file:///a', auth: HTTPS }],
    ['clone', { url: 'https://h/a', auth: { kind: 'https', username: 'me' } }],
    ['clone', { url: 'https://h/a', auth: { ...HTTPS, password: '' } }],
    ['clone', { url: 'https://h/a', auth: { ...HTTPS, password: 'a\nhost=evil' } }],
    ['clone', { url: 'https://h/a', auth: { ...HTTPS, private_key: KEY } }],
    ['clone', { url: 'git@h:a', auth: { kind: 'ssh', private_key: 'word-of-mine' } }],
    ['clone', { url: 'git@h:a', auth: { kind: 'ssh', private_key: KEY, username: 'me' } }],
    ['clone', { url: 'https://h/a', auth: { ...HTTPS, token: 'x' } }],
    ['branch', { name: '-D' }],
    ['branch', { name: 'n', action: 'rename' }],
    ['checkout', { ref: '-f' }],
    ['checkout', { ref: 'a\nb' }],
    ['add', { files: ['a\0b'] }],
    ['add', { files: Array.from({ length: 1000 }, () => 'x'.repeat(1000)) }],
    ['commit', { message: '' }],
    ['pull', { remote: '--upload-pack=id' }],
    ['pull', { remote: 'ext::sh -c id' }],
    ['push', { branch: 'a:b' }],
    ['push', { branch: '+a' }],
  ])('%s %j', async (verb, body) => {
    const answer = await post(verb, { path: '/r', ...body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(JSON.stringify(answer.body)).not.toContain('word-of-mine')
    expect(asked).toEqual([])
  })

  test('another’s machine', async () => {
    const { key } = await world.otherOwner()
    expect((await world.call('GET', path('status?path=/r'), { key })).body.code).toBe('machine_not_found')
    expect(asked).toEqual([])
  })
})

describe('credentials', () => {
  test('go as input to a place that is only the call’s, for the address alone', async () => {
    await post('clone', { url: 'https://h:8443/a', path: '/r', auth: HTTPS })
    expect(inputs()).toEqual(['username=name-of-me\npassword=word-of-mine\n'])
    const { argv, env } = asked[0]!
    expect(JSON.stringify({ argv, env })).not.toMatch(/name-of-me|word-of-mine/)
    expect(argv.slice(0, 5)).toEqual(['unshare', '--mount', '--propagation', 'slave', 'sh'])
    expect(argv.filter((arg) => arg.startsWith('credential.'))).toEqual([
      'credential.helper=',
      'credential.https://h:8443.helper=/run/nullspace-git/helper',
    ])
  })

  test('of a pull and a push are for where the remote is', async () => {
    answers = [{ stdout: 'https://me@one/a\n' }, {}, { stdout: 'https://two/a\nhttps://three/a\n' }, {}]
    await post('pull', { path: '/r', auth: HTTPS })
    await post('push', { path: '/r', auth: HTTPS })
    expect(commands().filter(([verb]) => verb === 'remote')).toEqual([
      ['remote', 'get-url', '--', 'origin'],
      ['remote', 'get-url', '--push', '--all', '--', 'origin'],
    ])
    expect(inputs().map((input) => input !== undefined)).toEqual([false, true, false, true])
    expect(
      asked.flatMap(({ argv }) => argv.filter((arg) => arg.startsWith('credential.h') && !arg.startsWith('credential.helper'))),
    ).toEqual(['one', 'two', 'three'].map((host) => `credential.https://${host}.helper=/run/nullspace-git/helper`))
  })

  test('that do not fit where the remote is are not handed to git', async () => {
    answers = [{ stdout: 'git@h:a\n' }, { stdout: 'https://h/a\ngit@h:a\n' }, { stdout: '/srv/bare\n' }]
    for (const verb of ['pull', 'push', 'pull']) {
      expect((await post(verb, { path: '/r', auth: HTTPS })).body).toMatchObject({
        code: 'invalid_request',
        details: { field: 'auth.kind' },
      })
    }
    expect(inputs()).toEqual([undefined, undefined, undefined])
  })

  test('are told by no error', async () => {
    answers = [{ exitCode: 128, stderr: "fatal: Authentication failed for 'https://name-of-me:word-of-mine@h/a' word-of-mine\n" }]
    const { body } = await post('clone', { url: 'https://h/a', path: '/r', auth: HTTPS })
    expect(body).toMatchObject({
      code: 'git_error',
      details: { exit_code: 128, output: "fatal: Authentication failed for 'https://***@h/a' ***" },
    })
    expect(JSON.stringify(body)).not.toMatch(/name-of-me|word-of-mine/)
  })

  test('of much that git says, begin and end are shown in whole lines, and none of a line without an end', async () => {
    const line = `${'x'.repeat(70)} word-of-mine ${'y'.repeat(70)}\n`
    answers = [{ exitCode: 1, stderr: `fatal: first\n${line.repeat(2000)}last` }]
    const { body } = await post('clone', { url: 'https://h/a', path: '/r', auth: HTTPS })
    expect(body).toMatchObject({ code: 'git_error', error: 'git clone: fatal: first' })
    expect(body.details.output).toMatch(/^[xy* ]*\n(?:x{70} \*\*\* y{70}\n)+last$/)
    answers = [{ exitCode: 1, stderr: `word-of-mine${'z'.repeat(100_000)}` }]
    expect((await post('clone', { url: 'https://h/a', path: '/r', auth: HTTPS })).body.details.output).toBe('')
  })
})

describe('failures', () => {
  const status = (): Promise<Answer> => get('status?path=/r')

  test('what git says is told', async () => {
    answers = [{ exitCode: 128, stderr: 'warning: x\nfatal: not a git repository (or any of the parent directories): .git\n' }]
    expect(await status()).toMatchObject({
      status: 409,
      body: {
        code: 'git_error',
        error: expect.stringContaining('git status: fatal: not a git repository'),
        details: { exit_code: 128, output: 'warning: x\nfatal: not a git repository (or any of the parent directories): .git' },
      },
    })
  })

  test('also where it says it on standard output', async () => {
    answers = [{ exitCode: 1, stdout: 'On branch main\nnothing to commit, working tree clean\n' }]
    const { body } = await post('commit', { path: '/r', message: 'm' })
    expect(body).toMatchObject({ code: 'git_error', error: 'git commit: nothing to commit, working tree clean', details: { exit_code: 1 } })
  })

  test('at most the last 4 KiB of it', async () => {
    answers = [{ exitCode: 1, stderr: `${'ü'.repeat(5000)}x\nend\n` }]
    const { output } = (await status()).body.details
    expect(output).toMatch(/^ü+x\nend$/)
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4096)
    expect(Buffer.byteLength(output)).toBeGreaterThan(4000)
  })

  test('a directory that is not there', async () => {
    answers = [new GuestFailure('bad_cwd', '/r: no such file or directory')]
    expect(await status()).toMatchObject({ status: 404, body: { code: 'file_not_found', error: 'path: /r: no such file or directory' } })
  })

  test('no git', async () => {
    answers = [new GuestFailure('program_not_found', 'no program git in PATH')]
    expect((await status()).body.code).toBe('exec_failed')
  })

  test('time that is up, told by the agent or by what bounds a change', async () => {
    answers = [{ timedOut: true, exitCode: 143 }, { exitCode: 124 }, { exitCode: 124 }]
    expect(await status()).toMatchObject({ status: 504, body: { code: 'exec_timeout' } })
    expect((await post('pull', { path: '/r' })).body.code).toBe('exec_timeout')
    expect((await status()).body.code).toBe('git_error')
  })

  test('more than is kept is not half told', async () => {
    answers = [{ stdout: `# branch.oid ${SHA}\0# branch.head main\0`, droppedStdout: 1 }]
    expect((await status()).body.code).toBe('git_error')
  })
})

test('a command reads its input to the end', async () => {
  using op = new Op('cat', { timeoutMs: 10_000 })
  const request = { argv: ['cat'], env: {}, cwd: '/', user: '', timeoutMs: 5_000, outputLimit: 0 }
  const input = Buffer.alloc(100_000, 'input ')
  expect((await real.exec(op, { ...request, input })).stdout.equals(input)).toBe(true)
  expect((await real.exec(op, request)).stdout).toHaveLength(0)
})
