import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DROP } from '../test/fake-daemon.ts'
import { fileInfoOf } from '../test/file-samples.ts'
import { fileWorld, INFO, once, type FileWorld } from '../test/file-world.ts'
import { machineId } from '../test/samples.ts'

let world: FileWorld
let daemon: FileWorld['daemon']
let files: FileWorld['files']
let waits: FileWorld['waits']
let seen: FileWorld['seen']
let bodies: FileWorld['bodies']
beforeEach(async () => {
  world = await fileWorld()
  ;({ daemon, files, waits, seen, bodies } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

const id = machineId('a')

describe('calls', () => {
  test('what is asked about a path', async () => {
    daemon.on({
      readFile: () => ({ content: 'hello', encoding: 'utf8', size: 5 }),
      fileExists: () => ({ exists: true }),
      fileInfo: () => fileInfoOf('/w/a.txt', { type: 'symlink', symlink_target: 'b' }),
      downloadUrl: () => ({ url: 'http://d/1' }),
      uploadUrl: () => ({ url: 'http://u/1', token: 't' }),
    })
    expect(await files.read('a.txt')).toBe('hello')
    expect(await files.exists('/x', { user: 'me' })).toBe(true)
    expect(await files.info('/w/a.txt')).toMatchObject({ ...INFO, type: 'symlink', symlinkTarget: 'b' })
    expect(await files.downloadUrl('/x')).toBe('http://d/1')
    expect(await files.uploadUrl('/x', { user: 'me' })).toEqual({ url: 'http://u/1', token: 't' })
    expect(bodies()).toEqual([
      { path: 'a.txt', encoding: 'utf8' },
      { path: '/x', user: 'me' },
      { path: '/w/a.txt' },
      { path: '/x' },
      { path: '/x', user: 'me' },
    ])
    expect(seen()[0]?.params).toEqual({ id })
  })

  test('what changes something', async () => {
    daemon.on({
      makeDir: () => undefined,
      removeFile: () => undefined,
      renameFile: () => fileInfoOf('/w/b'),
      setFilePermissions: () => undefined,
      replaceInFiles: () => ({ replacements: 3, files_modified: 1, files_skipped: 0, binary_files_skipped: 2 }),
    })
    await files.makeDir('/w/d')
    await files.remove('/w/d', { user: '1000' })
    expect(await files.rename('/w/a', '/w/b')).toMatchObject({ path: '/w/b' })
    await files.setPermissions('/w/b', '0755')
    expect(await files.replace(['/w/b'], 'x', 'y', { dryRun: true })).toEqual({
      replacements: 3,
      filesModified: 1,
      filesSkipped: 0,
      binaryFilesSkipped: 2,
    })
    expect(bodies()).toEqual([
      { path: '/w/d' },
      { path: '/w/d', user: '1000' },
      { old_path: '/w/a', new_path: '/w/b' },
      { path: '/w/b', permissions: '0755' },
      { files: ['/w/b'], pattern: 'x', replacement: 'y', dry_run: true },
    ])
  })

  test('lists, lines and paths', async () => {
    daemon.on({
      listDir: () => [fileInfoOf('/w/d', { is_dir: true, type: 'dir' }), fileInfoOf('/w/\udcff')],
      findInFiles: () => [{ file: '/w/a', line: 2, content: 'x = 1' }],
      searchFiles: () => ['/w/a.ts'],
    })
    const all = await files.list('/w', { depth: 2, user: 'me' })
    expect(all.map(({ path, isDir }) => [path, isDir])).toEqual([
      ['/w/d', true],
      ['/w/\udcff', false],
    ])
    expect(await files.find('/w', '^x')).toEqual([{ file: '/w/a', line: 2, content: 'x = 1' }])
    expect(await files.search('/w', '*.ts')).toEqual(['/w/a.ts'])
    expect(seen()[0]?.query).toEqual({ path: '/w', depth: '2', user: 'me' })
  })

  test('what does no harm twice is repeated when its answer is lost, and nothing else', async () => {
    let lost = 0
    const dropOnce = <T>(answer: T) => (lost++ % 2 === 0 ? DROP : answer)
    daemon.on({ makeDir: () => dropOnce(undefined), removeFile: () => DROP, writeFile: () => dropOnce(fileInfoOf('/w/a.txt')) })
    await files.makeDir('/w/d')
    await files.write('/w/a.txt', 'x')
    await expect(files.remove('/w/d')).rejects.toMatchObject({ code: 'transport_error' })
    lost = 0
    await expect(files.write('/w/a.txt', 'x', { append: true })).rejects.toMatchObject({ code: 'transport_error' })
    expect(seen().map(({ route }) => route)).toEqual(['makeDir', 'makeDir', 'writeFile', 'writeFile', 'removeFile', 'writeFile'])
    expect(waits).toEqual([250, 250])
  })

  test.each<[string, 'file_not_found' | 'permission_denied' | 'file_error' | 'machine_not_ready', string]>([
    ['nothing there', 'file_not_found', 'NotFoundError'],
    ['not allowed', 'permission_denied', 'PermissionError'],
    ['no room', 'file_error', 'MachineError'],
    ['paused', 'machine_not_ready', 'ConflictError'],
  ])('a refusal: %s', async (_, code, name) => {
    const refuse = (): never => {
      throw new AppError(code, { say: 'no', details: { reason: 'r' } })
    }
    daemon.on({ readFile: refuse, downloadFile: refuse, uploadFileRaw: refuse, batchWriteFiles: refuse, listDir: refuse })
    for (const call of [
      () => files.read('/x'),
      () => files.readBytes('/x'),
      () => files.write('/x', once('a')),
      () => files.writeMany([{ path: '/x', content: 'a' }]),
      () => files.list('/x'),
    ]) {
      await expect(call()).rejects.toMatchObject({ name, code, details: { reason: 'r' }, requestId: 'req_fake' })
    }
  })
})
