// Downloads to local files and directories. Loaded when it is first needed: it uses Node's own modules.

import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, posix, resolve } from 'node:path'
import { downloadFile } from '@nullspace/contract/files.ts'
import type { Received } from '../bytes-transport.ts'
import type { Client } from '../client.ts'
import { MachineError } from '../errors.ts'
import type { DownloadOptions, DownloadProgress, DownloadResult } from '../file-transfer.ts'
import { extract } from './extract.ts'
import { invalid, isSystemError, orTold } from './failure.ts'
import { FOREIGN, localPath, pathOf } from './paths.ts'

export async function download(
  client: Client,
  machineId: string,
  path: string,
  local: string | URL,
  options: DownloadOptions,
): Promise<DownloadResult> {
  const { overwrite = false, onProgress } = options
  let bytesCompleted = 0
  let bytesTotal: number | undefined
  const tell = (phase: DownloadProgress['phase']): void => onProgress?.({ phase, bytesCompleted, bytesTotal, transport: 'direct' })
  const counted = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of bytes) {
      bytesCompleted += piece.length
      tell('downloading')
      yield piece
    }
  }
  return orTold(tell, async () => {
    const wanted = resolve(pathOf(local))
    const { kind, answer } = await begin(client, machineId, path, options)
    bytesTotal = answer.length
    const { target, leftOut } = await received(answer, async () => {
      const target = kind === 'file' && (await isDirectory(wanted)) ? join(wanted, nameOf(path)) : wanted
      const bytes = counted(answer.bytes)
      const leftOut = await place(target, overwrite, (part) => (kind === 'file' ? save(bytes, part) : extract(bytes, part)))
      return { target, leftOut }
    })
    tell('completed')
    return { kind, path: target, bytesDownloaded: bytesCompleted, leftOut }
  })
}

/** As a file; what is a directory as an archive. */
async function begin(
  client: Client,
  machineId: string,
  path: string,
  { user, signal, requestTimeoutMs }: DownloadOptions,
): Promise<{ kind: DownloadResult['kind']; answer: Received }> {
  const options = { signal, requestTimeoutMs }
  const params = { id: machineId }
  const query = { path, ...(user === undefined ? {} : { user }) }
  try {
    return { kind: 'file', answer: await client.receive(downloadFile, { params, query }, options) }
  } catch (error) {
    if (!(error instanceof MachineError) || error.details?.['reason'] !== 'is_directory') throw error
  }
  return { kind: 'directory', answer: await client.receive(downloadFile, { params, query: { ...query, archive: 'tar' } }, options) }
}

/** Nothing of it is under way any more afterwards. */
async function received<T>(answer: Received, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await answer.cancel()
  }
}

/** `make` writes to a path beside it that nothing is at; then it is moved. */
async function place(target: string, overwrite: boolean, make: (part: string) => Promise<string[]>): Promise<string[]> {
  await refuseExisting(target, overwrite)
  await mkdir(localPath(dirname(target)), { recursive: true })
  const beside = (what: string): string => join(dirname(target), `.${basename(target).slice(0, 50)}.${randomUUID().slice(0, 8)}.${what}`)
  const part = beside('part')
  try {
    const leftOut = await make(part)
    await refuseExisting(target, overwrite)
    await replace(part, target, beside('old'))
    return leftOut
  } finally {
    await rm(localPath(part), { recursive: true, force: true })
  }
}

/** A directory is in the way of whatever takes its place. */
async function replace(part: string, target: string, old: string): Promise<void> {
  const inTheWay = await lstat(localPath(target)).catch(absent)
  if (!inTheWay || !(inTheWay.isDirectory() || (await isDirectory(part)))) return rename(localPath(part), localPath(target))
  await rename(localPath(target), localPath(old))
  try {
    await rename(localPath(part), localPath(target))
  } catch (error) {
    await rename(localPath(old), localPath(target))
    throw error
  }
  await rm(localPath(old), { recursive: true, force: true })
}

async function refuseExisting(target: string, overwrite: boolean): Promise<void> {
  if (overwrite || !(await lstat(localPath(target)).catch(absent))) return
  throw invalid(`there is something at ${target} already`, 'Use overwrite.')
}

async function save(bytes: AsyncIterable<Uint8Array>, part: string): Promise<string[]> {
  const file = await open(localPath(part), 'wx')
  try {
    for await (const piece of bytes) await file.writeFile(piece)
  } finally {
    await file.close()
  }
  return []
}

const isDirectory = async (path: string): Promise<boolean> => (await stat(localPath(path)).catch(absent))?.isDirectory() ?? false

function absent(error: unknown): undefined {
  if (!isSystemError(error, 'ENOENT') && !isSystemError(error, 'ENOTDIR')) throw error
}

/** Of what is in the machine. */
function nameOf(path: string): string {
  const name = posix.basename(path)
  if (name === '' || name === '.' || name === '..' || name === '~' || FOREIGN.test(name))
    throw invalid(`the local path must be given: ${path} has no name`)
  return name
}
