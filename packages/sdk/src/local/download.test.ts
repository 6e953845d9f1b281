import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DROP, fakeDaemon, type FakeDaemon } from '../../test/fake-daemon.ts'
import { machine } from '../../test/samples.ts'
import { Client, Machine, type DownloadProgress, type Files } from '../index.ts'
import { BLOCK, padding, tarHeader } from './tar-header.ts'

let daemon: FakeDaemon
let files: Files
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nullspace-download-test-'))
  daemon = await fakeDaemon()
  daemon.on({ createMachine: () => machine() })
  files = (await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep: async () => {} }) })).files
})
afterEach(async () => {
  await daemon[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

const at = (name: string): string => join(root, name)
const queries = (): unknown[] => daemon.seen.slice(1).map(({ query }) => query)

async function* once(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) yield Buffer.from(piece)
}

const file = (content: string) => daemon.on({ downloadFile: () => ({ bytes: once(content), length: content.length }) })

/** As a daemon answers for a directory. */
function directory(...pieces: Uint8Array[]): void {
  daemon.on({
    downloadFile({ query }) {
      if (query['archive'] === 'tar') return { bytes: once(...pieces) }
      throw new AppError('file_error', { say: 'it is a directory', details: { reason: 'is_directory' } })
    },
  })
}

const member = (name: string, content: string): Buffer =>
  Buffer.concat([
    tarHeader({ name, kind: 'file', mode: 0o644, size: content.length }),
    Buffer.from(content),
    Buffer.alloc(padding(content.length)),
  ])
const link = (name: string, target: string): Buffer => tarHeader({ name, kind: 'symlink', mode: 0o777, size: 0, target })
const END = Buffer.alloc(2 * BLOCK)

test('a file, to a path or into a directory', async () => {
  file('hello')
  const told: DownloadProgress[] = []
  const onProgress = (one: DownloadProgress): void => void told.push(one)
  expect(await files.download('/w/a.txt', at('new/b.txt'), { user: 'me', onProgress })).toEqual({
    kind: 'file',
    path: at('new/b.txt'),
    bytesDownloaded: 5,
    leftOut: [],
  })
  expect(await files.download('/w/a.txt', pathToFileURL(at('new')))).toMatchObject({ path: at('new/a.txt') })
  expect(await readFile(at('new/a.txt'), 'utf8')).toBe('hello')
  expect((await readdir(at('new'))).toSorted()).toEqual(['a.txt', 'b.txt'])
  expect(told.map(({ phase, bytesCompleted, bytesTotal }) => [phase, bytesCompleted, bytesTotal])).toEqual([
    ['downloading', 5, 5],
    ['completed', 5, 5],
  ])
  expect(queries()).toEqual([{ path: '/w/a.txt', user: 'me' }, { path: '/w/a.txt' }])
})

test('a directory', async () => {
  directory(member('a', 'hello'), member('d/b', 'b'), link('l', 'd/b'), link('out', '/etc'), END)
  const result = await files.download('/w/dir', at('dir'), { user: 'me' })
  expect(result).toMatchObject({ kind: 'directory', path: at('dir'), leftOut: ['out'] })
  expect(result.bytesDownloaded).toBe(8 * BLOCK)
  expect(await readFile(at('dir/l'), 'utf8')).toBe('b')
  expect(await readdir(root)).toEqual(['dir'])
  expect(queries()).toEqual([
    { path: '/w/dir', user: 'me' },
    { path: '/w/dir', user: 'me', archive: 'tar' },
  ])
})

test('nothing is replaced unless told', async () => {
  await writeFile(at('a'), 'mine')
  await mkdir(at('dir/below'), { recursive: true })
  file('theirs')
  await expect(files.download('/w/a', at('a'))).rejects.toMatchObject({ code: 'invalid_request', suggestedAction: 'Use overwrite.' })
  expect(await readFile(at('a'), 'utf8')).toBe('mine')
  await files.download('/w/a', at('a'), { overwrite: true })
  expect(await readFile(at('a'), 'utf8')).toBe('theirs')

  directory(member('x', 'x'), END)
  await expect(files.download('/w/dir', at('dir'))).rejects.toMatchObject({ code: 'invalid_request' })
  expect(await readdir(at('dir'))).toEqual(['below'])
  await files.download('/w/dir', at('dir'), { overwrite: true })
  expect(await readdir(at('dir'))).toEqual(['x'])
  await files.download('/w/dir', at('a'), { overwrite: true })
  expect((await readdir(root)).toSorted()).toEqual(['a', 'dir'])
})

test('a symlink at the local path is replaced, not followed', async () => {
  await writeFile(at('precious'), 'mine')
  await symlink('precious', at('a'))
  file('theirs')
  await expect(files.download('/w/a', at('a'))).rejects.toMatchObject({ code: 'invalid_request' })
  await files.download('/w/a', at('a'), { overwrite: true })
  expect(await readFile(at('precious'), 'utf8')).toBe('mine')
  expect((await lstat(at('a'))).isFile()).toBe(true)
})

const cut = async function* (): AsyncGenerator<Uint8Array> {
  yield member('a', 'hello')
  throw new Error('the machine is gone')
}

test.each<[string, () => void, object]>([
  [
    'a refusal',
    () => daemon.on({ downloadFile: () => Promise.reject(new AppError('file_not_found', { say: 'no' })) }),
    { name: 'NotFoundError' },
  ],
  ['no daemon', () => daemon.on({ downloadFile: () => DROP }), { code: 'transport_error' }],
  ['a file that is cut', () => daemon.on({ downloadFile: () => ({ bytes: cut(), length: 9999 }) }), { code: 'transport_error' }],
  ['an archive that is cut', () => directory(member('a', 'hello').subarray(0, 600)), { code: 'invalid_response' }],
  ['an archive that leads out', () => directory(member('../a', 'hello'), END), { code: 'invalid_response' }],
  ['an archive that is none', () => directory(Buffer.alloc(BLOCK, 'x')), { code: 'invalid_response' }],
])('%s leaves nothing behind', async (_, script, error) => {
  script()
  const phases: string[] = []
  const onProgress = ({ phase }: DownloadProgress): void => void phases.push(phase)
  await expect(files.download('/w/a', at('to/a'), { onProgress })).rejects.toMatchObject(error)
  expect(phases.at(-1)).toBe('failed')
  expect(await readdir(at('to')).catch(() => [])).toEqual([])
})

test('what is there stays when the new one does not come', async () => {
  await mkdir(at('dir/below'), { recursive: true })
  directory(Buffer.alloc(BLOCK, 'x'))
  await expect(files.download('/w/dir', at('dir'), { overwrite: true })).rejects.toMatchObject({ code: 'invalid_response' })
  expect(await readdir(at('dir'))).toEqual(['below'])
})

test('an aborted signal rejects with its reason and leaves nothing', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const never = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    await new Promise(() => {})
  }
  daemon.on({ downloadFile: () => ({ bytes: never() }) })
  const onProgress = (): void => stop.abort(reason)
  await expect(files.download('/w/a', at('a'), { signal: stop.signal, onProgress })).rejects.toBe(reason)
  expect(await readdir(root)).toEqual([])
})

test('what the callback throws ends it', async () => {
  file('hello')
  const reason = new Error('enough')
  const onProgress = (): void => {
    throw reason
  }
  await expect(files.download('/w/a', at('a'), { onProgress })).rejects.toBe(reason)
  expect(await readdir(root)).toEqual([])
  await daemon.seen.at(-1)?.closed
})

test('a place that cannot be written to', async () => {
  await writeFile(at('file'), '')
  file('hello')
  await expect(files.download('/w/a', at('file/below'))).rejects.toMatchObject({ code: 'local_file_error' })
})

test('what has no name needs a local one', async () => {
  file('hello')
  await expect(files.download('/w/..', root)).rejects.toMatchObject({ code: 'invalid_request' })
})
