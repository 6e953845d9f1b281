import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAll } from '../../test/fake-daemon.ts'
import { uploadWorld, type UploadWorld } from '../../test/upload-world.ts'
import { readTar } from './tar-reader.ts'

let world: UploadWorld
let files: UploadWorld['files']
let at: UploadWorld['at']
let seen: UploadWorld['seen']
let uploads: UploadWorld['uploads']
beforeEach(async () => {
  world = await uploadWorld()
  ;({ files, at, seen, uploads } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

describe('a directory', () => {
  const tree = async (): Promise<void> => {
    for (const dir of ['d/sub/empty', 'd/node_modules/x', 'd/logs']) await mkdir(at(dir), { recursive: true })
    await writeFile(at('d/.nullspaceignore'), '# built\nnode_modules/\n*.log\n')
    await writeFile(at('d/a.txt'), 'a'.repeat(1000), { mode: 0o755 })
    await writeFile(at('d/sub/b.txt'), 'b')
    await writeFile(at('d/node_modules/x/y'), 'y')
    await writeFile(at('d/logs/1.log'), 'l')
    await writeFile(at('d/logs/keep.log'), 'k')
    await writeFile(Buffer.concat([Buffer.from(`${at('d')}/c`), Buffer.from([0xff])]), 'c')
    await symlink('../a.txt', at('d/sub/link'))
  }
  const members = async (bytes: Buffer): Promise<string[]> => {
    const all: string[] = []
    for await (const { name, mode, target, content } of readTar(new Blob([Uint8Array.from(bytes)]).stream())) {
      all.push(`${name} ${mode.toString(8)} ${target || (await readAll(content)).length}`)
    }
    return all
  }

  test('goes as a tar without what is to be left out', async () => {
    const store = uploads({ part_size: 700 })
    await tree()
    const result = await files.upload(at('d'), '/w/', { ignore: ['!keep.log'] })
    expect(result).toMatchObject({ kind: 'directory', targetPath: '/w/d', transport: 'resumable', fileCount: 6 })
    expect(await members(store.whole())).toEqual([
      '.nullspaceignore 644 28',
      'a.txt 755 1000',
      'c\udcff 644 1',
      'logs/ 755 0',
      'logs/keep.log 644 1',
      'sub/ 755 0',
      'sub/b.txt 644 1',
      'sub/empty/ 755 0',
      'sub/link 777 ../a.txt',
    ])
    expect(seen('createUploadSession')[0]?.body).toMatchObject({
      kind: 'directory_tar',
      source_kind: 'directory_archive',
      archive_format: 'tar',
      target_path: '/w/d',
      conflict: 'merge',
    })
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a symlink that leads out', () => symlink('../../x', at('d/sub/out'))],
    ['an absolute symlink', () => symlink('/etc', at('d/out'))],
  ])('refused: %s', async (_, spoil) => {
    uploads({ part_size: 2 ** 20 })
    await tree()
    await spoil()
    await expect(files.upload(at('d'), '/w')).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('leads out'),
    })
    expect(seen('createUploadSession')).toHaveLength(0)
    await files.upload(at('d'), '/w', { ignore: ['out'] })
  })

  test('a file of it that changes meanwhile', async () => {
    const store = uploads({ part_size: 700, max_concurrency: 1 })
    await tree()
    store.before = (number) => (number === 0 ? writeFile(at('d/sub/b.txt'), 'longer') : undefined)
    await expect(files.upload(at('d'), '/w')).rejects.toMatchObject({ message: expect.stringContaining('sub/b.txt was changed') })
    expect(store.published).toBe(false)
  })
})
