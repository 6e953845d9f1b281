import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { extract } from './extract.ts'
import { BLOCK, padding, tarHeader, type TarEntry } from './tar-header.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nullspace-extract-'))
})
afterEach(() => rm(root, { recursive: true }))

type Member = Partial<TarEntry> & { readonly name: string; readonly content?: string; readonly flag?: string }

async function* archive(...members: Member[]): AsyncGenerator<Uint8Array> {
  for (const { content = '', flag, ...entry } of members) {
    const header = tarHeader({ kind: 'file', mode: 0o644, ...entry, size: content.length })
    if (flag !== undefined) {
      const change = flag.charCodeAt(0) - (header[156] ?? 0)
      header[156] = flag.charCodeAt(0)
      const sum = Number.parseInt(header.toString('latin1', 148, 154), 8) + change
      header.write(sum.toString(8).padStart(6, '0'), 148, 'latin1')
    }
    yield header
    yield Buffer.concat([Buffer.from(content), Buffer.alloc(padding(content.length))])
  }
  yield Buffer.alloc(2 * BLOCK)
}

const at = (...names: string[]): string => join(root, 'out', ...names)
const link = (name: string, target: string): Member => ({ name, kind: 'symlink', target })

test('files, directories and links, with their permissions and no more', async () => {
  const leftOut = await extract(
    archive(
      { name: 'd', kind: 'directory', mode: 0o500 },
      { name: 'd/run', content: '#!', mode: 0o4755 },
      { name: 'deep/er/secret', content: 's', mode: 0 },
      link('d/l', '../deep/er/secret'),
      link('nowhere', 'not/there'),
      { name: 'pipe', flag: '6' },
    ),
    at(),
  )
  expect(leftOut).toEqual(['pipe'])
  const mode = async (...names: string[]): Promise<number> => (await lstat(at(...names))).mode & 0o7777
  expect([await mode(), await mode('d'), await mode('d', 'run'), await mode('deep', 'er', 'secret')]).toEqual([0o700, 0o700, 0o755, 0o400])
  expect(await readFile(at('d', 'l'), 'utf8')).toBe('s')
  expect(await readlink(at('nowhere'))).toBe('not/there')
  expect((await lstat(at('d', 'run'))).mtimeMs).toBe(0)
})

test('a name that is no UTF-8', async () => {
  await extract(archive({ name: 'a\udcff', content: 'x' }), at())
  expect(await readdir(at(), 'buffer')).toEqual([Buffer.from([0x61, 0xff])])
})

test('links that lead out are left out, also by way of others', async () => {
  await writeFile(join(root, 'f'), 'outside')
  const leftOut = await extract(
    archive(
      link('absolute', '/etc/passwd'),
      link('above', '../f'),
      link('d/e/up', '../../g'),
      link('around', 'd/e/up/../../f'),
      link('D/e/Up', '../../g'),
      link('letters', 'd/e/uP/../../f'),
      link('good', 'd/e/up'),
    ),
    at(),
  )
  expect(leftOut.toSorted()).toEqual(['above', 'absolute', 'around', 'letters'])
  expect((await readdir(at())).toSorted()).toEqual(['D', 'd', 'good'])
})

test.each<[string, Member[]]>([
  ['an absolute name', [{ name: '/tmp/x', content: 'x' }]],
  ['a name above', [{ name: 'd/../../x', content: 'x' }]],
  ['a file twice', [{ name: 'a' }, { name: 'a' }]],
  ['a file where a directory is', [{ name: 'a', kind: 'directory' }, { name: 'a' }]],
  ['a file below a file', [{ name: 'a' }, { name: 'a/b' }]],
  ['a file through a link', [link('a', 'b'), { name: 'a/c', content: 'x' }]],
  ['a link where a file is', [{ name: 'a' }, link('a', 'b')]],
  ['a name with nothing in it', [{ name: './' }]],
])('refused: %s', async (_, members) => {
  await expect(extract(archive(...members), at())).rejects.toMatchObject({ name: 'MachineError', code: 'invalid_response' })
  expect(await readdir(root)).toEqual(['out'])
})
