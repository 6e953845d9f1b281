import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AppError, type UploadErrorReason } from '@nullspace/contract/errors.ts'
import type { UploadSession } from '@nullspace/contract/uploads.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP, fakeDaemon, readAll, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { fileInfoOf, uploadSession } from '../../../sdk/test/file-samples.ts'
import { removeHomes, testCli, type TestCli, type TestOptions } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

let daemon: FakeDaemon
let cli: TestCli
let stop: AbortController
beforeEach(async () => {
  daemon = await fakeDaemon()
  stop = new AbortController()
  cli = made()
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

const made = (options: TestOptions = {}) =>
  testCli({ signal: stop.signal, ...options, env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key } })
const upload = (...argv: string[]) => cli('machine', 'upload', 'mch_x', ...argv)
const download = (...argv: string[]) => cli('machine', 'download', 'mch_x', ...argv)
const here = (name: string): string => join(cli.home, name)
const calls = (): string[] => daemon.seen.map(({ route }) => route)

describe('upload in one request', () => {
  let sent: { readonly path: string | undefined; readonly text: string }[]
  beforeEach(() => {
    const mine: typeof sent = []
    sent = mine
    daemon.on({
      uploadFileRaw: async ({ body, query }) => void mine.push({ path: query['path'], text: String(await readAll(body.bytes)) }),
      fileInfo: ({ body }) => fileInfoOf(body.path.replace(/^\.\//, '/workspace/')),
    })
  })

  test('a file, to a path and into a directory', async () => {
    writeFileSync(here('a.txt'), 'hello')
    expect(await upload('a.txt', '/w/b.txt')).toEqual({ code: 0, out: 'uploaded to /w/b.txt (5 B)\n', err: '' })
    expect((await upload('./a.txt', '/w/', '--user', 'me')).out).toBe('uploaded to /w/a.txt (5 B)\n')
    expect((await upload('a.txt', '.')).out).toBe('uploaded to /workspace/a.txt (5 B)\n')
    expect(sent.map(({ path }) => path)).toEqual(['/w/b.txt', '/w/a.txt', './a.txt'])
    expect(daemon.seen.map(({ query }) => query['user'])).toEqual([undefined, undefined, 'me', undefined, undefined, undefined])
  })

  test('--json', async () => {
    writeFileSync(here('a.txt'), 'hello')
    const { out, err } = await upload('a.txt', '/w/b.txt', '--json')
    expect([JSON.parse(out), err]).toEqual([
      { kind: 'file', target_path: '/w/b.txt', bytes_uploaded: 5, file_count: 1, transport: 'direct', resumed: false },
      '',
    ])
  })

  test('standard input', async () => {
    cli = made({ input: 'piped' })
    expect((await upload('-', '/w/a')).code).toBe(0)
    expect((await upload('-', '/w/a', '--resumable', 'never')).code).toBe(0)
    expect(sent).toEqual([
      { path: '/w/a', text: 'piped' },
      { path: '/w/a', text: 'piped' },
    ])
    expect((await upload('-', '/w/')).code).toBe(2)
  })

  test('a directory is no file', async () => {
    writeFileSync(here('a.txt'), 'hello')
    daemon.on({
      uploadFileRaw() {
        throw new AppError('file_error', { say: '/w: is directory.', details: { reason: 'is_directory' } })
      },
    })
    expect(await upload('a.txt', '/w')).toEqual({
      code: 1,
      out: '',
      err: 'error: /w: is directory. (file_error)\nEnd the destination with a slash to put it in there.\n',
    })
  })

  test('the line on a terminal is taken away', async () => {
    cli = made({ errorTerminal: { columns: 80, rows: 24 } })
    writeFileSync(here('a.txt'), 'hello')
    const { code, err } = await upload('a.txt', '/w/b.txt')
    expect(code).toBe(0)
    expect(err).toContain('\r\u001b[Ka.txt')
    expect(err.endsWith('\r\u001b[K')).toBe(true)
    expect((await upload('a.txt', '/w/b.txt', '--json')).err).toBe('')
  })
})

describe('upload in parts', () => {
  let parts: Map<number, string>
  let session: UploadSession
  beforeEach(() => {
    parts = new Map()
    session = uploadSession({ upload_id: 'upload_1', part_size: 4, part_count: 3, content_length: 10, target_path: '/w/a.txt' })
    daemon.on({
      createUploadSession: ({ body }) => ({ session: { ...session, kind: body.kind, target_path: body.target_path } }),
      getUploadSession: () => session,
      async uploadSessionPart({ params, body }) {
        parts.set(Number(params['part_number']), String(await readAll(body.bytes)))
        return session
      },
      completeUploadSession: () => ({ session: { ...session, status: 'completed' }, published_bytes: 10, published_file_count: 1 }),
      fileInfo: ({ body }) => fileInfoOf(body.path),
      abortUploadSession: () => undefined,
    })
    writeFileSync(here('a.txt'), '0123456789')
  })

  const refuseParts = (code: 'file_upload_error' | 'machine_not_found', reason?: UploadErrorReason): void =>
    daemon.on({
      completeUploadSession: () => {
        const upload = reason && { upload: { reason, retryable: false, upload_id: 'upload_1' } }
        throw new AppError(code, { say: 'It is there.', ...upload })
      },
    })

  test('as it is asked for', async () => {
    expect(await upload('a.txt', '/w/', '--resumable', 'always', '--conflict', 'error', '--concurrency', '2', '--user', 'me')).toEqual({
      code: 0,
      out: 'uploaded to /w/a.txt (10 B)\n',
      err: '',
    })
    expect([...parts].toSorted(([one], [other]) => one - other)).toEqual([
      [0, '0123'],
      [1, '4567'],
      [2, '89'],
    ])
    const [created, completed] = ['createUploadSession', 'completeUploadSession'].map((route) =>
      daemon.seen.find((one) => one.route === route),
    )
    expect(created?.body).toMatchObject({ target_path: '/w/a.txt', conflict: 'error', content_length: 10, user: 'me' })
    expect(completed?.body).toEqual({ whole_checksum_sha256: createHash('sha256').update('0123456789').digest('hex') })
    expect((await upload('a.txt', '/w/', '--checksum', 'always')).code).toBe(0)
    expect(calls().filter((route) => route === 'createUploadSession')).toHaveLength(2)
  })

  test('a directory goes without what is excluded', async () => {
    for (const name of ['d', 'd/node_modules']) mkdirSync(here(name))
    for (const name of ['d/a', 'd/b.log', 'd/node_modules/c']) writeFileSync(here(name), 'x')
    let length = 0
    daemon.on({
      createUploadSession({ body }) {
        length = body.content_length
        session = { ...session, kind: body.kind, target_path: body.target_path, content_length: length, part_size: length, part_count: 1 }
        return { session }
      },
    })
    const { code, out } = await upload('d', '/w/', '--exclude', 'node_modules', '--exclude', '*.log')
    expect([code, out]).toEqual([0, 'uploaded 1 file to /w/d (10 B)\n'])
    expect(parts.get(0)).toMatch(/^a\0/)
    // One header, one block of content, the end.
    expect(length).toBe(4 * 512)
  })

  test('a symlink that leads out is named, with the option that leaves it out', async () => {
    mkdirSync(here('d'))
    symlinkSync('/etc/passwd', here('d/link'))
    const { code, err } = await upload('d', '/w/d')
    expect(code).toBe(2)
    expect(err).toContain('Leave it out with --exclude.')
  })

  test('Ctrl-C says how to go on, and keeps what has come', async () => {
    daemon.on({
      uploadSessionPart() {
        stop.abort(new Interrupted(2))
        return DROP
      },
    })
    writeFileSync(here('it’s.txt'), '0123456789')
    expect(await upload('it’s.txt', '/w/', '--resumable', 'always', '--exclude', '*.log')).toEqual({
      code: 130,
      out: '',
      err: "note: what has come is kept for a day; to go on: nullspace machine upload mch_x 'it’s.txt' /w/ --exclude '*.log' --resume upload_1\n",
    })
    expect(calls()).not.toContain('abortUploadSession')
  })

  test('standard input cannot be read again, so its upload is given up', async () => {
    daemon.on({
      uploadSessionPart() {
        stop.abort(new Interrupted(2))
        return DROP
      },
    })
    cli = made({ input: '0123456789' })
    expect(await upload('-', '/w/a', '--resumable', 'always')).toEqual({ code: 130, out: '', err: '' })
    expect(calls()).toContain('abortUploadSession')
  })

  test('--resume sends what is missing', async () => {
    session = { ...session, status: 'uploading', next_part: 2 }
    expect(await upload('a.txt', '/w/', '--resume', 'upload_1')).toEqual({ code: 0, out: 'uploaded to /w/a.txt (10 B)\n', err: '' })
    expect([...parts]).toEqual([[2, '89']])
    const other = await upload('a.txt', '/elsewhere', '--resume', 'upload_1')
    expect(other).toEqual({
      code: 2,
      out: '',
      err: 'error: upload_1 was begun for /w/a.txt (invalid_request)\nName the same source and destination as then.\n',
    })
    expect((await upload('a.txt', '/w/', '--resume', 'upload_1', '--conflict', 'error')).code).toBe(2)
  })

  test('a conflict exits with 7 and can be gone on with once it is out of the way', async () => {
    refuseParts('file_upload_error', 'target_conflict')
    const { code, err } = await upload('a.txt', '/w/a.txt', '--conflict', 'error')
    expect(code).toBe(7)
    expect(err).toContain('--resume upload_1\n')
    expect(err).toContain('or use --conflict replace.\n')
    const json = await upload('a.txt', '/w/a.txt', '--conflict', 'error', '--json')
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'file_upload_error', reason: 'target_conflict', upload_id: 'upload_1' } })
  })

  test.each([
    ['whole_checksum_mismatch', 1],
    ['size_limit_exceeded', 6],
  ] as const)('%s is not gone on with', async (reason, exit) => {
    refuseParts('file_upload_error', reason)
    const { code, err } = await upload('a.txt', '/w/a.txt', '--resumable', 'always')
    expect(code).toBe(exit)
    expect(err).not.toContain('--resume')
  })

  test('what goes wrong on the way exits by its own code; without a word on going on when that is over', async () => {
    refuseParts('machine_not_found')
    daemon.on({
      getUploadSession: () => {
        throw new AppError('machine_not_found', { say: 'It is gone.' })
      },
    })
    const { code, err } = await upload('a.txt', '/w/a.txt', '--resumable', 'always')
    expect(code).toBe(3)
    expect(err).not.toContain('--resume')
  })
})

test.each([
  [['a', '/b', '--resumable', 'never', '--checksum', 'always'], '--checksum always needs parts'],
  [['a', '/b', '--resumable', 'never', '--conflict', 'error'], '--conflict error needs parts'],
  [['absent', '/b'], 'there is nothing at '],
])('upload %j', async (argv, message) => {
  const { code, err } = await upload(...argv)
  expect(code).toBe(2)
  expect(err).toContain(message)
  expect(calls()).toEqual([])
})

describe('download', () => {
  const serve = (text: string): void => {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text)
    }
    daemon.on({ downloadFile: () => ({ bytes: bytes(), length: text.length }) })
  }

  test('a file, into a directory and to a path; never over something without --force', async () => {
    serve('one')
    expect(await download('/etc/hosts', '.')).toEqual({ code: 0, out: `downloaded to ${here('hosts')} (3 B)\n`, err: '' })
    expect((await download('/etc/hosts', 'new/')).out).toBe(`downloaded to ${here('new/hosts')} (3 B)\n`)
    expect((await download('/etc/hosts', 'new')).code).toBe(2)
    serve('two')
    expect(await download('/etc/hosts', 'hosts')).toEqual({
      code: 2,
      out: '',
      err: `error: there is something at ${here('hosts')} already (invalid_request)\nAdd --force to replace it.\n`,
    })
    expect(readFileSync(here('hosts'), 'utf8')).toBe('one')
    const { out } = await download('/etc/hosts', 'hosts', '--force', '--json')
    expect(JSON.parse(out)).toEqual({ kind: 'file', path: here('hosts'), bytes_downloaded: 3, left_out: [] })
    expect(readFileSync(here('hosts'), 'utf8')).toBe('two')
    for (const nameless of ['/', '..', '~', 'a/..']) expect((await download(nameless, '.')).code).toBe(2)
  })

  test('a directory', async () => {
    const archive = Buffer.concat([tarHead('a.txt', '0', 512), Buffer.alloc(512, 'x'), tarHead('out', '2', 0, '../x'), Buffer.alloc(1024)])
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield archive
    }
    daemon.on({
      downloadFile({ query }) {
        if (query['archive'] === 'tar') return { bytes: bytes() }
        throw new AppError('file_error', { say: 'It is a directory.', details: { reason: 'is_directory' } })
      },
    })
    expect(await download('/workspace/project/', './')).toEqual({
      code: 0,
      out: `downloaded a directory to ${here('project')} (2.5 KiB)\n`,
      err: 'note: left out: out\n',
    })
    expect(readdirSync(here('project'))).toEqual(['a.txt'])
    expect((await download('/workspace/project', 'project')).err).toContain(
      'Add --force to replace it, or end the path with a slash to put it in there.',
    )
    expect(await download('/workspace/project', '-')).toMatchObject({ code: 2, out: '' })
  })

  test('- is standard output', async () => {
    serve('the bytes')
    expect(await download('/a', '-', '--user', 'me')).toEqual({ code: 0, out: 'the bytes', err: '' })
    expect(daemon.seen[0]?.query).toEqual({ path: '/a', user: 'me' })
    expect((await download('/a', '-', '--json')).code).toBe(2)
  })

  test('what fails or is interrupted leaves no half file', async () => {
    const cut = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half')
      throw new Error('cut')
    }
    daemon.on({ downloadFile: () => ({ bytes: cut() }) })
    expect((await download('/a', 'b')).code).toBe(1)
    expect(readdirSync(cli.home)).toEqual([])

    const endless = async function* (closed: Promise<void>): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half')
      stop.abort(new Interrupted(2))
      await closed
    }
    daemon.on({ downloadFile: ({ closed }) => ({ bytes: endless(closed), length: 10 }) })
    expect(await download('/a', 'b')).toEqual({ code: 130, out: '', err: '' })
    expect(readdirSync(cli.home)).toEqual([])
  })

  test('the disk on this side says no', async () => {
    serve('x')
    writeFileSync(here('file'), '')
    expect((await download('/a', 'file/b')).err).toContain('(local_file_error)')
  })
})

/** Of a file (0) or a symlink (2). */
function tarHead(name: string, kind: '0' | '2', size: number, target = ''): Buffer {
  const head = Buffer.alloc(512)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  head.write(name)
  head.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(0, 11), 100)
  head.write(`        ${kind}${target}`, 148)
  head.write('ustar\x0000', 257)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${octal(sum, 6)} `, 148)
  return head
}

describe('cp', () => {
  const cp = (...argv: string[]) => cli('machine', 'cp', ...argv)

  test('is upload and download', async () => {
    writeFileSync(here('a.txt'), 'hello')
    daemon.on({
      uploadFileRaw: async ({ body }) => void (await readAll(body.bytes)),
      fileInfo: ({ body }) => fileInfoOf(body.path),
      downloadFile: () => ({
        bytes: (async function* () {
          yield Buffer.from('back')
        })(),
      }),
    })
    expect((await cp('a.txt', 'mch_x:/w/')).out).toBe('uploaded to /w/a.txt (5 B)\n')
    expect((await cp('./a.txt', 'mch_x:')).out).toBe('uploaded to ./a.txt (5 B)\n')
    expect((await cp('mch_x:/w/a.txt', 'b.txt')).out).toBe(`downloaded to ${here('b.txt')} (4 B)\n`)
    expect(readFileSync(here('b.txt'), 'utf8')).toBe('back')
    expect(daemon.seen.map(({ params }) => params['id'])).toEqual(Array.from({ length: 5 }, () => 'mch_x'))
  })

  test.each([
    [['a', 'b'], 'neither is in a machine'],
    [['mch_x:/a', 'mch_y:/b'], 'both are in machines'],
    [['a', 'mch_x:/b', '--force'], '--force is for what comes from a machine'],
    [['mch_x:/a', 'b', '--exclude', '*.log'], '--exclude is for what goes to a machine'],
  ])('%j', async (argv, message) => {
    const { code, err } = await cp(...argv)
    expect([code, err.split('\n')[0]]).toEqual([2, `error: ${message} (invalid_request)`])
  })
})
