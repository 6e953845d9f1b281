import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, readAll, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { fileInfoOf } from '../../../sdk/test/file-samples.ts'
import { machine } from '../../../sdk/test/samples.ts'
import { keyboard, type Keyboard } from '../../test/keyboard.ts'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

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

const made = (options: TestOptions = {}) => testCli({ ...options, env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key } })
const file = (verb: string, ...argv: string[]) => cli('machine', 'file', verb, 'mch_x', ...argv)
const bodies = (): unknown[] => daemon.seen.map(({ body }) => body)
const here = (name: string): string => join(cli.home, name)

function serve(...pieces: (string | Buffer)[]): void {
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece)
  }
  daemon.on({ downloadFile: () => ({ bytes: bytes() }) })
}

/** Of a file that breaks off. */
function serveCut(): void {
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('cut')
  }
  daemon.on({ downloadFile: () => ({ bytes: bytes() }) })
}

describe('read', () => {
  const BYTES = Buffer.from([0, 255, 10, 200, 65, 66, 67])

  test('prints the bytes as they are', async () => {
    const written: Uint8Array[] = []
    cli = made({ onWrite: (data) => void written.push(Buffer.from(data)) })
    serve(BYTES.subarray(0, 2), BYTES.subarray(2))
    expect(await file('read', 'a.bin', '--user', 'me')).toMatchObject({ code: 0, err: '' })
    expect(Buffer.concat(written)).toEqual(BYTES)
    expect(daemon.seen[0]?.query).toEqual({ path: 'a.bin', user: 'me' })
  })

  test('--encoding base64 is one line, wherever the pieces end', async () => {
    serve(BYTES.subarray(0, 1), BYTES.subarray(1, 3), BYTES.subarray(3))
    expect((await file('read', 'a.bin', '--encoding', 'base64')).out).toBe(`${BYTES.toString('base64')}\n`)
  })

  test('--out writes a local file, and replaces one with --force only', async () => {
    serve(BYTES)
    expect(await file('read', 'a.bin', '--out', 'b.bin')).toEqual({ code: 0, out: `wrote ${here('b.bin')} (7 B)\n`, err: '' })
    expect(readFileSync(here('b.bin'))).toEqual(BYTES)
    serve('new')
    expect(await file('read', 'a.bin', '--out', 'b.bin')).toEqual({
      code: 2,
      out: '',
      err: `error: there is something at ${here('b.bin')} already (invalid_request)\nAdd --force to replace it.\n`,
    })
    expect(JSON.parse((await file('read', 'a.bin', '--out', 'b.bin', '--force', '--json')).out)).toEqual({ path: here('b.bin'), size: 3 })
    expect(readFileSync(here('b.bin'), 'utf8')).toBe('new')
  })

  test('what is cut leaves no half file, and what was there as it was', async () => {
    serveCut()
    expect((await file('read', 'a.bin', '--out', 'b.bin')).code).toBe(1)
    expect(readdirSync(cli.home)).toEqual([])
    writeFileSync(here('b.bin'), 'old')
    expect((await file('read', 'a.bin', '--out', 'b.bin', '--force')).code).toBe(1)
    expect(readdirSync(cli.home).map((name) => [name, readFileSync(here(name), 'utf8')])).toEqual([['b.bin', 'old']])
  })

  test('--json gives the content', async () => {
    daemon.on({ readFile: () => ({ content: 'aGk=', encoding: 'base64', size: 2 }) })
    expect(JSON.parse((await file('read', 'a', '--encoding', 'base64', '--json')).out)).toEqual({
      content: 'aGk=',
      encoding: 'base64',
      size: 2,
    })
    expect(bodies()).toEqual([{ path: 'a', encoding: 'base64' }])
  })

  test('nothing there', async () => {
    daemon.on({
      downloadFile: () => {
        throw new AppError('file_not_found', { say: 'There is no a.' })
      },
    })
    expect(await file('read', 'a')).toMatchObject({ code: 3, out: '' })
  })
})

describe('write', () => {
  let sent: string[]
  beforeEach(() => {
    const mine: string[] = []
    sent = mine
    daemon.on({
      writeFile: ({ body }) => fileInfoOf(body.path, { size: 2 }),
      fileInfo: ({ body }) => fileInfoOf(body.path, { size: 2 }),
      uploadFileRaw: async ({ body }) => void mine.push(String(await readAll(body.bytes))),
    })
  })

  test('a text', async () => {
    expect(await file('write', '/a', 'hi')).toEqual({ code: 0, out: 'wrote /a (2 B)\n', err: '' })
    expect(JSON.parse((await file('write', '/a', 'hi', '--append', '--mode', '0600', '--user', 'me', '--json')).out)).toEqual(
      fileInfoOf('/a', { size: 2 }),
    )
    expect(bodies()).toMatchObject([
      { path: '/a', content: 'hi', encoding: 'utf8', append: false },
      { path: '/a', content: 'hi', append: true, mode: '0600', user: 'me' },
    ])
  })

  test('standard input and a local file go as they come', async () => {
    cli = made({ input: 'from stdin' })
    writeFileSync(here('local'), 'from file')
    expect((await file('write', '/a', '-')).code).toBe(0)
    expect((await file('write', '/a', '--from', 'local', '--append')).code).toBe(0)
    expect(sent).toEqual(['from stdin', 'from file'])
    expect(daemon.seen.filter(({ route }) => route === 'uploadFileRaw').map(({ query }) => query)).toEqual([
      { path: '/a' },
      { path: '/a', append: 'true' },
    ])
  })

  test('permissions go with the content', async () => {
    writeFileSync(here('run.sh'), '#!/bin/sh\n')
    expect((await file('write', '/run.sh', '--from', 'run.sh', '--mode', '0755')).code).toBe(0)
    expect(bodies()).toMatchObject([{ content: Buffer.from('#!/bin/sh\n').toString('base64'), encoding: 'base64', mode: '0755' }])
  })

  test('base64 is decoded', async () => {
    cli = made({ input: 'AP8K\nyA==\n' })
    expect((await file('write', '/a', '-', '--encoding', 'base64')).code).toBe(0)
    expect(bodies()).toMatchObject([{ content: 'AP8KyA==', encoding: 'base64' }])
    expect(await file('write', '/a', 'no base64!', '--encoding', 'base64')).toMatchObject({ code: 2 })
  })

  test.each([
    [['write', '/a'], 'nothing to write'],
    [['write', '/a', 'x', '--from', 'y'], 'a text and --from exclude each other'],
    [['write', '/a', '--from', 'absent'], 'there is nothing at '],
    [['write', '/a', '--from', '.'], ' is a directory'],
  ])('%j', async ([verb = '', ...argv], message) => {
    const { code, err } = await file(verb, ...argv)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(daemon.seen).toEqual([])
  })

  test('an interrupted standard input writes nothing', async () => {
    const stop = new AbortController()
    const keys = keyboard(false)
    cli = made({ keyboard: keys, signal: stop.signal })
    let whole = false
    daemon.on({
      async uploadFileRaw({ body }) {
        stop.abort(new Interrupted(2))
        await readAll(body.bytes)
        whole = true
      },
    })
    keys.type('half')
    expect((await file('write', '/a', '-')).code).toBe(130)
    expect(whole).toBe(false)
  })
})

test('write-files names what was not written, and exits with 1', async () => {
  const parts: string[] = []
  daemon.on({
    async batchWriteFiles({ body }) {
      for await (const { name, bytes } of body.parts) parts.push(`${name}: ${String(await readAll(bytes))}`)
      return {
        results: [
          { status: 'success', path: '/w/a.txt', info: fileInfoOf('/w/a.txt') },
          { status: 'error', path: '/proc/b', error: 'it cannot be' },
        ],
      }
    },
  })
  writeFileSync(here('a.txt'), 'A')
  writeFileSync(here('b'), 'B')
  expect(await file('write-files', 'a.txt=/w/', 'b=/proc/b')).toEqual({
    code: 1,
    out: 'wrote /w/a.txt (5 B)\n',
    err: 'error: /proc/b: it cannot be\n',
  })
  expect(parts).toEqual([
    'manifest: {"files":[{"path":"/w/a.txt","field":"file0"},{"path":"/proc/b","field":"file1"}]}',
    'file0: A',
    'file1: B',
  ])
  const { code, out } = await file('write-files', 'a.txt=/w/', 'b=/proc/b', '--json')
  expect([code, JSON.parse(out)]).toEqual([
    1,
    { successes: [fileInfoOf('/w/a.txt')], failures: [{ path: '/proc/b', error: 'it cannot be' }] },
  ])
  for (const wrong of [[], ['a.txt'], ['=/w'], ['absent=/w']]) expect((await file('write-files', ...wrong)).code).toBe(2)
})

describe('what is there', () => {
  test('list', async () => {
    daemon.on({
      listDir: () => [
        fileInfoOf('/w/b\u001b[2J', { is_dir: true, type: 'dir', mode: '0755', size: 4096 }),
        fileInfoOf('/w/link', { type: 'symlink', symlink_target: 'b', mode: '0777' }),
        fileInfoOf('/w/z', { size: 2_000_000, owner: 'postgres' }),
      ],
    })
    expect((await file('list')).out).toMatchInlineSnapshot(`
      "MODE  OWNER     SIZE     MODIFIED              NAME
      0755  root      -        2026-11-01 10:00:00Z  b [2J/
      0777  root      5 B      2026-11-01 10:00:00Z  link -> b
      0644  postgres  1.9 MiB  2026-11-01 10:00:00Z  z
      "
    `)
    expect((await file('list', '/w', '--depth', '2', '--user', 'me')).out).toContain('  /w/z\n')
    expect(daemon.seen.map(({ query }) => query)).toEqual([{ path: '.' }, { path: '/w', depth: '2', user: 'me' }])
    expect(JSON.parse((await file('list', '--json')).out)).toHaveLength(3)
    daemon.on({ listDir: () => [] })
    expect(await file('list')).toEqual({ code: 0, out: '', err: 'nothing there\n' })
  })

  test('exists', async () => {
    daemon.on({ fileExists: ({ body }) => ({ exists: body.path === '/a' }) })
    expect(await file('exists', '/a')).toEqual({ code: 0, out: '', err: '' })
    expect(await file('exists', '/b')).toEqual({ code: 1, out: '', err: '' })
    expect(await file('exists', '/b', '--json')).toMatchObject({ code: 1, out: '{\n  "exists": false\n}\n' })
  })

  test('info', async () => {
    daemon.on({ fileInfo: () => fileInfoOf('/w/link', { type: 'symlink', symlink_target: 'b', size: 2000 }) })
    expect((await file('info', '/w/link')).out).toMatchInlineSnapshot(`
      "path:      /w/link
      type:      symlink
      leads to:  b
      size:      2.0 KiB (2000 B)
      mode:      0644
      owner:     root:root
      modified:  2026-11-01 10:00:00Z
      "
    `)
    expect(JSON.parse((await file('info', '/w/link', '--json')).out)).toMatchObject({ symlink_target: 'b' })
  })

  test('find and search', async () => {
    daemon.on({ findInFiles: () => [{ file: '/w/a.py', line: 3, content: '  # TODO' }], searchFiles: () => ['/w/a.py', '/w/b/c.py'] })
    expect((await file('find', '/w', 'TODO')).out).toBe('/w/a.py:3:  # TODO\n')
    expect((await file('search', '/w', '*.py')).out).toBe('/w/a.py\n/w/b/c.py\n')
    expect(JSON.parse((await file('search', '/w', '*.py', '--json')).out)).toEqual(['/w/a.py', '/w/b/c.py'])
    expect(bodies()).toMatchObject([{ path: '/w', pattern: 'TODO' }, { path: '/w', pattern: '*.py' }, {}])
    daemon.on({ findInFiles: () => [] })
    expect(await file('find', '/w', 'TODO')).toEqual({ code: 0, out: '', err: 'nothing found\n' })
  })

  test('url is for one of two things', async () => {
    daemon.on({ downloadUrl: () => ({ url: 'http://d/1' }), uploadUrl: () => ({ url: 'http://u/1', token: 't' }) })
    expect((await file('url', '/a', '--download')).out).toBe('http://d/1\n')
    expect((await file('url', '/a', '--upload')).out).toBe('http://u/1\n')
    expect(JSON.parse((await file('url', '/a', '--upload', '--json')).out)).toEqual({ url: 'http://u/1', token: 't' })
    expect((await file('url', '/a')).code).toBe(2)
    expect((await file('url', '/a', '--upload', '--download')).code).toBe(2)
  })
})

test('what changes something', async () => {
  daemon.on({
    makeDir: () => undefined,
    renameFile: ({ body }) => fileInfoOf(body.new_path),
    setFilePermissions: () => undefined,
    removeFile: () => undefined,
    replaceInFiles: () => ({ replacements: 3, files_modified: 1, files_skipped: 2, binary_files_skipped: 0 }),
  })
  expect((await file('mkdir', '/w/a')).out).toBe('made /w/a\n')
  expect((await file('mv', 'a/b/', '/srv/')).out).toBe('moved a/b/ to /srv/b\n')
  expect((await file('chmod', '/w/a', '755')).out).toBe('0755 /w/a\n')
  expect((await file('rm', '/w/a')).out).toBe('removed /w/a\n')
  expect((await file('replace', 'x', 'y', '/a', '/b')).out).toBe('3 replacements in 1 file (2 skipped)\n')
  expect((await file('replace', 'x', 'y', '/a', '--dry-run')).out).toBe('would make 3 replacements in 1 file (2 skipped)\n')
  expect(bodies()).toMatchObject([
    { path: '/w/a' },
    { old_path: 'a/b/', new_path: '/srv/b' },
    { path: '/w/a', permissions: '755' },
    { path: '/w/a' },
    { files: ['/a', '/b'], pattern: 'x', replacement: 'y', dry_run: false },
    { files: ['/a'], dry_run: true },
  ])
  expect(await file('chmod', '0755', 'run.sh')).toMatchObject({ code: 2 })
  expect((await file('replace', 'x', 'y')).code).toBe(2)
})

describe('watch', () => {
  const change = (id: string, event: string, name: string) => ({ type: 'file_event', id, event, name, path: `/w/${name}` })
  let keys: Keyboard
  let stop: AbortController
  beforeEach(() => {
    keys = keyboard(false)
    stop = new AbortController()
    daemon.on({ getMachine: () => machine() })
  })

  /** Sends the changes, then calls `then`; answers what the client asked for. */
  function changes(then: () => void, ...list: (readonly [event: string, name: string])[]): unknown[] {
    const asked: unknown[] = []
    daemon.onSocket({
      async websocketUpgrade(socket) {
        const first = (await socket.next()) as { id: string }
        asked.push(first)
        socket.send({ type: 'file_watch_started', id: first.id })
        for (const [event, name] of list) socket.send(change(first.id, event, name))
        then()
        while ((await socket.next()) !== undefined);
      },
    })
    return asked
  }

  test('a line per change, until Ctrl-C', async () => {
    const asked = changes(() => {}, ['create', 'a'], ['write', 'b\n'], ['remove', 'a'])
    cli = made({ keyboard: keys, signal: stop.signal, onOutput: (out) => out.includes('remove') && stop.abort(new Interrupted(2)) })
    expect(await file('watch', '/w', '--recursive', '--user', 'me')).toEqual({
      code: 130,
      out: 'create    /w/a\nwrite     /w/b\nremove    /w/a\n',
      err: 'watching /w\n',
    })
    expect(asked).toMatchObject([{ type: 'file_watch', path: '/w', recursive: true, user: 'me' }])
  })

  test('--json prints lines; --timeout ends it in good order', async () => {
    changes(() => {}, ['create', 'a'])
    expect(await file('watch', '/w', '--timeout', '1', '--json')).toEqual({
      code: 0,
      out: '{"event":"create","name":"a","path":"/w/a"}\n',
      err: 'watching /w\n',
    })
  })
})

test('a refusal exits by its code', async () => {
  mkdirSync(here('d'))
  for (const [code, exit] of [
    ['permission_denied', 5],
    ['file_error', 1],
    ['machine_not_ready', 7],
  ] as const) {
    daemon.on({
      fileInfo: () => {
        throw new AppError(code, { say: 'No.' })
      },
    })
    expect((await file('info', '/a')).code).toBe(exit)
  }
})
