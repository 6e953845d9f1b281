// What a process costs in memory, shared pages divided among those that share them.

import { readFile } from 'node:fs/promises'

/** Bytes; null when the process is gone. */
export async function proportionalSetSize(pid: number): Promise<number | null> {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}
