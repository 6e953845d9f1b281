// Lays out a tar that a machine made, and does not trust it: nothing is written outside of one new directory.

import { chmod, mkdir, open, symlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MachineError } from '../errors.ts'
import { isSystemError } from './failure.ts'
import { leadsOut } from './links.ts'
import { FOREIGN, localPath } from './paths.ts'
import { readTar, TarError, type TarMember } from './tar-reader.ts'

/** Of whoever unpacks: all may be read, and removed, by him; nothing is run as somebody else. */
const PERMISSIONS = 0o777
const FILE = 0o400
const DIRECTORY = 0o700

type Late = Pick<TarMember, 'mode' | 'modified'> & { readonly path: string }

/**
 * `directory` must not exist, its parent must. Answers what was left out: symlinks that lead out of it, and what is no file,
 * directory or symlink.
 * @throws MachineError `invalid_response` for what is no such archive, or writes a name twice
 */
export async function extract(archive: AsyncIterable<Uint8Array>, directory: string): Promise<string[]> {
  await mkdir(directory, { mode: DIRECTORY })
  const directories: Late[] = []
  const links = new Map<string, string>()
  const leftOut: string[] = []
  try {
    for await (const member of readTar(archive)) {
      const name = relative(member.name)
      const path = join(directory, name)
      if (member.kind === 'directory') {
        await mkdir(localPath(path), { recursive: true, mode: DIRECTORY })
        directories.push({ path, mode: member.mode, modified: within(member.modified) })
      } else if (member.kind === 'file') await write(member, path)
      else if (member.kind === 'symlink' && !links.has(name)) links.set(name, member.target)
      else leftOut.push(member.name)
    }
    // Only now, so that no file can be written through one.
    leftOut.push(...(await makeLinks(directory, links)))
    for (const one of directories.toReversed()) {
      await utimes(localPath(one.path), one.modified, one.modified)
      await chmod(localPath(one.path), (one.mode & PERMISSIONS) | DIRECTORY)
    }
  } catch (error) {
    throw failure(error)
  }
  return leftOut
}

/** By the names as they are, and as a file system takes them that is not particular about letters. */
async function makeLinks(directory: string, links: ReadonlyMap<string, string>): Promise<string[]> {
  const folded = new Map(Array.from(links, ([name, target]) => [fold(name), fold(target)]))
  const leftOut: string[] = []
  for (const [name, target] of links) {
    if (leadsOut(name, target, links) || leadsOut(fold(name), fold(target), folded)) leftOut.push(name)
    else {
      const path = join(directory, name)
      await mkdir(localPath(dirname(path)), { recursive: true, mode: DIRECTORY })
      await symlink(localPath(target), localPath(path))
    }
  }
  return leftOut
}

const fold = (name: string): string => name.normalize('NFC').toLowerCase()

function relative(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (name.startsWith('/') || parts.some((part) => part === '..' || FOREIGN.test(part))) {
    throw new TarError(`${JSON.stringify(name)} leads out of the directory`)
  }
  return parts.join('/')
}

/** What every file system takes, s. */
const within = (modified: number): number => Math.min(Math.max(modified, 0), 2 ** 33)

async function write({ content, mode, modified }: TarMember, path: string): Promise<void> {
  await mkdir(localPath(dirname(path)), { recursive: true, mode: DIRECTORY })
  // Never over something: no name may come twice.
  const file = await open(localPath(path), 'wx', FILE | 0o200)
  try {
    for await (const piece of content) await file.writeFile(piece)
    await file.utimes(within(modified), within(modified))
    await file.chmod((mode & PERMISSIONS) | FILE)
  } finally {
    await file.close()
  }
}

function failure(error: unknown): unknown {
  const isItsFault = error instanceof TarError || ['EEXIST', 'ENOTDIR', 'ENAMETOOLONG', 'EILSEQ'].some((code) => isSystemError(error, code))
  if (!isItsFault) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new MachineError(`the archive cannot be unpacked: ${reason}`, { code: 'invalid_response', retryable: false, cause: error })
}
