// The device state of a snapshot, as a file that says what it is: a header of fixed length, then the hypervisor's own
// stream. Whoever restores it learns before anything is started whether it is whole and was made for this kind of host.

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { DriverError } from './errors.ts'
import type { DriverInfo } from './driver.ts'

export const HEADER_BYTES = 4096
const MAGIC = 'nullspace-device-state'
const FORMAT = 1
/** Device state is tens of kilobytes; more than this is something else. */
const LARGEST_FILE = 64 * 1024 * 1024

/** What a VM must be like for this state to fit. */
export interface StateTraits {
  readonly driver: string
  readonly compatibility: DriverInfo['compatibility']
  readonly vcpus: number
  readonly memoryMb: number
}

interface Header extends StateTraits {
  readonly magic: typeof MAGIC
  readonly format: number
  readonly bytes: number
  readonly sha256: string
}

/** Puts `stream` (a file that the hypervisor wrote, and could have replaced by anything) where the snapshot keeps it. Without `sync`, that is left to the caller. */
export async function writeStateFile(
  target: string,
  stream: string,
  traits: StateTraits,
  { sync = true, mode = 0o640 } = {},
): Promise<void> {
  const source = await openRegular(stream)
  const content = await readAll(source).finally(() => source.close())
  const header: Header = { magic: MAGIC, format: FORMAT, ...traits, bytes: content.length, sha256: digest(content) }
  const block = Buffer.alloc(HEADER_BYTES, ' ')
  if (block.write(`${JSON.stringify(header)}\n`) >= HEADER_BYTES) throw new RangeError('header does not fit')
  const partial = `${target}.partial`
  const file = await open(partial, 'w', mode)
  try {
    await file.writev([block, content])
    if (sync) await file.sync()
    await file.close()
    await rename(partial, target)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(partial, { force: true })
    throw error
  }
}

/**
 * Opens the file with its read position at the hypervisor's stream. Rejects with bad_snapshot or incompatible_snapshot
 * unless it is whole and fits `wanted`; what was checked is what the descriptor gives, whoever renames files meanwhile.
 */
export async function openStateFile(path: string, wanted: StateTraits): Promise<FileHandle> {
  const file = await openRegular(path)
  try {
    const content = await readAll(file)
    const header = parseHeader(content.subarray(0, HEADER_BYTES))
    if (!header) throw new DriverError('bad_snapshot', `${path} is no device state`)
    if (header.format !== FORMAT) {
      throw new DriverError('incompatible_snapshot', `${path} has format ${header.format}; this release reads ${FORMAT}`)
    }
    const stream = content.subarray(HEADER_BYTES)
    if (stream.length !== header.bytes || digest(stream) !== header.sha256) {
      throw new DriverError(
        'bad_snapshot',
        `${path} is damaged: it has ${stream.length} of ${header.bytes} bytes, or others than were written`,
      )
    }
    const different = differences(header, wanted)
    if (different.length > 0) throw new DriverError('incompatible_snapshot', `The snapshot does not fit: ${different.join('; ')}`)
    await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, null)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

function differences(header: Header, wanted: StateTraits): string[] {
  const flat = ({ driver, vcpus, memoryMb, compatibility }: StateTraits): Record<string, unknown> => ({
    driver,
    vcpus,
    memoryMb,
    ...compatibility,
  })
  const [made, here] = [flat(header), flat(wanted)]
  return Object.keys({ ...made, ...here })
    .filter((key) => made[key] !== here[key])
    .map((key) => `made with ${key} ${made[key]}, wanted ${here[key]}`)
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    throw new DriverError('bad_snapshot', `The device state cannot be opened: ${path}`, { cause })
  }
  const stat = await file.stat()
  if (stat.isFile() && stat.size <= LARGEST_FILE) return file
  await file.close()
  throw new DriverError('bad_snapshot', `${path} is no device state`)
}

/** With positions of its own, so that the descriptor's stays where it is. */
async function readAll(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc((await file.stat()).size)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

function parseHeader(block: Buffer): Header | null {
  try {
    const value = JSON.parse(block.toString('utf8')) as Header
    return value.magic === MAGIC && typeof value.compatibility === 'object' ? value : null
  } catch {
    return null
  }
}

const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
