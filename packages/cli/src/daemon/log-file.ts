// Reading the end of a log file, and what is added to it.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const AT_MOST = 4 * 1024 * 1024

/** Bytes from `from` to the end (at most the last 4 MiB of them) and where the end was. A file that is not there is empty. */
export function readFrom(path: string, from: number): { readonly text: string; readonly end: number } {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return { text: '', end: 0 }
  }
  try {
    const end = fstatSync(file).size
    // Shorter than before: it was begun anew.
    const begin = Math.max(from > end ? 0 : from, end - AT_MOST)
    const bytes = Buffer.alloc(end - begin)
    const read = readSync(file, bytes, 0, bytes.length, begin)
    return { text: bytes.toString('utf8', 0, read), end: begin + read }
  } finally {
    closeSync(file)
  }
}

export function lastLines(text: string, count: number): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return count === 0 ? [] : lines.slice(-count)
}
