// Where a VM's memory lies in its hypervisor's address space. The file it is mapped from may have lost its name or gained
// others, so it is known by device and inode; and a hypervisor that a guest took over may have mapped what it likes.

import { readFile, stat } from 'node:fs/promises'
import { DriverError } from '../errors.ts'
import type { RestoredFrom } from '../driver.ts'
import { PAGE_BYTES } from '../sums-format.ts'

/** A part of the file, mapped in one piece. */
export interface Segment {
  readonly address: number
  /** In the file. */
  readonly firstPage: number
  readonly pages: number
}

/** Ascending, without gaps, all of the file; else rejects. */
export async function findMemory(pid: number, memory: RestoredFrom['memory']): Promise<Segment[]> {
  const mappings = parseMaps(await readFile(`/proc/${pid}/maps`, 'latin1')).filter(({ isPrivate, ino }) => isPrivate && ino === memory.ino)
  const segments: Segment[] = []
  for (const { start, end, offset } of mappings) {
    if (!(await isOfDevice(`/proc/${pid}/map_files/${start.toString(16)}-${end.toString(16)}`, memory))) continue
    segments.push({ address: start, firstPage: offset / PAGE_BYTES, pages: (end - start) / PAGE_BYTES })
  }
  segments.sort((one, other) => one.firstPage - other.firstPage)
  let next = 0
  for (const { firstPage, pages } of segments) {
    if (firstPage !== next) break
    next += pages
  }
  if (next * PAGE_BYTES !== memory.bytes || segments.reduce((sum, { pages }) => sum + pages, 0) !== next) {
    throw new DriverError('control_failed', `The memory of process ${pid} is not mapped as it was when it was started`)
  }
  return segments
}

interface Mapping {
  readonly start: number
  readonly end: number
  readonly isPrivate: boolean
  readonly offset: number
  readonly ino: string
}

/** proc_pid_maps(5): `START-END PERMS OFFSET MAJOR:MINOR INODE PATH`; addresses of user space fit a number. */
export function parseMaps(text: string): Mapping[] {
  return text.split('\n').flatMap((line) => {
    const [, start = '', end = '', share, offset = '', ino] =
      /^([0-9a-f]+)-([0-9a-f]+) [r-][w-][x-]([ps]) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ (\d+)/.exec(line) ?? []
    if (ino === undefined) return []
    const [from, to, at] = [start, end, offset].map((hex) => Number.parseInt(hex, 16))
    return [{ start: from ?? 0, end: to ?? 0, isPrivate: share === 'p', offset: at ?? 0, ino }]
  })
}

/** The device in `maps` is not what stat() says on every filesystem. Only root may follow these links; others have the inode. */
async function isOfDevice(link: string, { dev, ino }: RestoredFrom['memory']): Promise<boolean> {
  try {
    const found = await stat(link, { bigint: true })
    return `${found.dev}` === dev && `${found.ino}` === ino
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPERM') return true
    // It is mapped no more.
    if (code === 'ENOENT') return false
    throw error
  }
}
