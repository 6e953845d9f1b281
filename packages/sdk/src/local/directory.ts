// A local directory as a tar that is nowhere: its entries and their places are known, its bytes are read from the files when they
// are asked for. The same tree gives the same bytes, so that an upload of it can be resumed.

import { constants, type Dirent, type Stats } from 'node:fs'
import { lstat, open, readdir, readFile, readlink, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { nameOfBytes } from '../names.ts'
import { changed, invalid, isSystemError } from './failure.ts'
import { ignoreRules, type LeavesOut } from './ignore.ts'
import { leadsOut } from './links.ts'
import { localPath } from './paths.ts'
import { readExactly, type Source } from './source.ts'
import { BLOCK, padding, tarHeader, type TarEntry } from './tar-header.ts'

const IGNORE_FILE = '.nullspaceignore'
/** Two empty blocks. */
const END = 2 * BLOCK
/** Never through a link that was put there meanwhile. */
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

interface Placed {
  readonly entry: TarEntry
  /** Where its header begins. */
  readonly offset: number
  /** Of its header. */
  readonly head: number
}

export async function directorySource(root: string, ignore: readonly string[]): Promise<Source> {
  const placed: Placed[] = []
  let length = 0
  let fileCount = 0
  for await (const entry of entriesOf(root, ignoreRules([...(await ignoreFile(root)), ...ignore]))) {
    const head = tarHeader(entry).length
    placed.push({ entry, offset: length, head })
    length += head + entry.size + padding(entry.size)
    if (entry.kind !== 'directory') fileCount += 1
  }
  const files = new OpenFile(root)
  return {
    kind: 'directory_archive',
    name: basename(root),
    length: length + END,
    fileCount,
    async read(offset, wanted) {
      const bytes = Buffer.alloc(wanted)
      // Past the last one are zeros, as there are between.
      for (let at = indexOf(placed, offset); at < placed.length; at += 1) {
        const one = placed[at]
        if (!one || one.offset >= offset + wanted) break
        await copy(one, bytes, offset, files)
      }
      return bytes
    },
    close: () => files.close(),
  }
}

async function ignoreFile(root: string): Promise<string[]> {
  try {
    return (await readFile(join(root, IGNORE_FILE), 'utf8')).split('\n')
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return []
    throw error
  }
}

async function* entriesOf(root: string, leavesOut: LeavesOut, above = ''): AsyncGenerator<TarEntry, void, undefined> {
  const found: Dirent<Buffer>[] = await readdir(localPath(join(root, above)), { withFileTypes: true, encoding: 'buffer' })
  found.sort((one, other) => Buffer.compare(one.name, other.name))
  for (const { name: bytes } of found) {
    const name = above + nameOfBytes(bytes)
    const stat = await lstat(localPath(join(root, name)))
    if (leavesOut(name, stat.isDirectory())) continue
    yield await entryOf(root, name, stat)
    if (stat.isDirectory()) yield* entriesOf(root, leavesOut, `${name}/`)
  }
}

async function entryOf(root: string, name: string, stat: Stats): Promise<TarEntry> {
  const about = { name, mode: stat.mode & 0o7777 }
  if (stat.isDirectory()) return { ...about, kind: 'directory', size: 0 }
  if (stat.isFile()) return { ...about, kind: 'file', size: stat.size }
  if (!stat.isSymbolicLink()) throw invalid(`${name} is neither a file nor a directory nor a symlink`, 'Leave it out with `ignore`.')
  const target = nameOfBytes(await readlink(localPath(join(root, name)), 'buffer'))
  if (leadsOut(name, target)) throw invalid(`the symlink ${name} leads out of the directory, to ${target}`, 'Leave it out with `ignore`.')
  return { ...about, kind: 'symlink', size: 0, target }
}

/** Of the entry that `offset` is in. */
function indexOf(placed: readonly Placed[], offset: number): number {
  let low = 0
  let high = placed.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((placed[middle]?.offset ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** What of it falls into `bytes`, which begin at `offset`. */
async function copy({ entry, offset: start, head }: Placed, bytes: Buffer, offset: number, files: OpenFile): Promise<void> {
  const end = offset + bytes.length
  if (start + head > offset) {
    const header = tarHeader(entry)
    const from = Math.max(0, offset - start)
    header.copy(bytes, Math.max(0, start - offset), from, Math.min(head, end - start))
  }
  const content = start + head
  const from = Math.max(offset, content)
  const to = Math.min(end, content + entry.size)
  if (from < to) await files.read(entry, bytes.subarray(from - offset, to - offset), from - content)
}

/** Files are read one after another, so one of them is open at a time. */
class OpenFile {
  readonly #root: string
  #open: { readonly name: string; readonly handle: FileHandle } | undefined

  constructor(root: string) {
    this.#root = root
  }

  async read({ name, size }: TarEntry, into: Buffer, position: number): Promise<void> {
    if (this.#open?.name !== name) {
      await this.close()
      const handle = await open(localPath(join(this.#root, name)), READ).catch((error: unknown) => {
        throw isSystemError(error, 'ENOENT') || isSystemError(error, 'ELOOP') ? changed(name) : error
      })
      this.#open = { name, handle }
      const stat = await handle.stat()
      if (!stat.isFile() || stat.size !== size) throw changed(name)
    }
    await readExactly(this.#open.handle, into, position, name)
  }

  async close(): Promise<void> {
    const { handle } = this.#open ?? {}
    this.#open = undefined
    await handle?.close()
  }
}
