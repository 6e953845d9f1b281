// A machine that was restored from a snapshot and saved again: the new file of checksums has what it changed since, the
// earlier one what was its own before. Together they are what the memory has beyond the template's.

import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { DriverError } from './errors.ts'
import { decodeSums, encodeSums, type MemorySums, RUN_PAGES } from './sums-format.ts'

/** Adds to `sumsFile` what `olderFile` says of pages that it does not. */
export async function addOlderSums(sumsFile: string, olderFile: string): Promise<void> {
  const [newer, older] = [decodeSums(await readFile(sumsFile), sumsFile), decodeSums(await readFile(olderFile), olderFile)]
  if (newer.pages !== older.pages) throw new DriverError('bad_snapshot', `${olderFile} is about a memory of another size`)
  const partial = `${sumsFile}.partial`
  try {
    await writeFile(partial, encodeSums(mergeSums(newer, older)), { mode: 0o600 })
    await rename(partial, sumsFile)
  } finally {
    await rm(partial, { force: true })
  }
}

/** Page by page along both; a gigabyte of changed memory is a quarter of a million of them, a few milliseconds. */
export function mergeSums(newer: MemorySums, older: MemorySums): MemorySums {
  const [ours, theirs] = [pagesOf(newer), pagesOf(older)]
  const pages = new Uint32Array(ours.length + theirs.length)
  const sums = new Uint32Array(pages.length)
  let [count, our, their] = [0, 0, 0]
  while (our < ours.length || their < theirs.length) {
    const [page, other] = [ours[our] ?? Infinity, theirs[their] ?? Infinity]
    // Of a page that both have, what was written later counts.
    if (page <= other) sums[count] = newer.sums[our++] ?? 0
    else sums[count] = older.sums[their] ?? 0
    if (other <= page) their++
    pages[count++] = Math.min(page, other)
  }
  return { pages: newer.pages, runs: runsOf(pages.subarray(0, count)), sums: sums.slice(0, count) }
}

function pagesOf({ runs, sums }: MemorySums): Uint32Array {
  const pages = new Uint32Array(sums.length)
  let at = 0
  for (let run = 0; run < runs.length; run += 2) {
    const [first = 0, length = 0] = [runs[run], runs[run + 1]]
    for (let page = first; page < first + length; page++) pages[at++] = page
  }
  return pages
}

function runsOf(pages: Uint32Array): Uint32Array {
  const runs: number[] = []
  for (const page of pages) {
    const [first = -1, length = 0] = [runs.at(-2), runs.at(-1)]
    if (first >= 0 && first + length === page && length < RUN_PAGES) runs[runs.length - 1] = length + 1
    else runs.push(page, 1)
  }
  return Uint32Array.from(runs)
}
