// What was written into a snapshot's memory file, with a checksum of each page of it, as a file that says what it is.
// The memory file itself says nothing: it is the guest's memory and has no room for a header.
//
// Little endian, 4 bytes each after the magic: format, pages of the memory file, number of runs, CRC-32 of the whole file
// without this field; per run its first page and its number of pages; per page, in the order of the runs, a CRC-32.

import { crc32 } from 'node:zlib'
import { DriverError } from './errors.ts'

export const PAGE_BYTES = 4096
/** The longest run; also what is read at once, copying and verifying. */
export const RUN_PAGES = 256

const MAGIC = Buffer.from('nullspace-memory', 'latin1')
const FORMAT = 1
const HEADER_BYTES = MAGIC.length + 16
const SUM_AT = HEADER_BYTES - 4

export interface MemorySums {
  /** Of the whole memory file. */
  readonly pages: number
  /** `[first page, number of pages, …]`, ascending and apart. */
  readonly runs: Uint32Array
  /** Of each page of the runs, in their order. */
  readonly sums: Uint32Array
}

export function encodeSums({ pages, runs, sums }: MemorySums): Buffer {
  const file = Buffer.alloc(HEADER_BYTES + runs.byteLength + sums.byteLength)
  MAGIC.copy(file)
  for (const [index, value] of [FORMAT, pages, runs.length / 2].entries()) file.writeUInt32LE(value, MAGIC.length + index * 4)
  bytesOf(runs).copy(file, HEADER_BYTES)
  bytesOf(sums).copy(file, HEADER_BYTES + runs.byteLength)
  file.writeUInt32LE(sumOfFile(file), SUM_AT)
  return file
}

/** `name` is for the error's sentence. Nothing of `file` is trusted before its checksum was found right, and little after. */
export function decodeSums(file: Buffer, name: string): MemorySums {
  const bad = (what: string): DriverError => new DriverError('bad_snapshot', `${name} ${what}`)
  if (file.length < HEADER_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) throw bad('holds no checksums of memory')
  const [format = 0, pages = 0, count = 0] = [0, 1, 2].map((index) => file.readUInt32LE(MAGIC.length + index * 4))
  if (format !== FORMAT) throw new DriverError('incompatible_snapshot', `${name} has format ${format}; this release reads ${FORMAT}`)
  if (file.readUInt32LE(SUM_AT) !== sumOfFile(file)) throw bad('is damaged: its own checksum is another')
  if (file.length < HEADER_BYTES + count * 8) throw bad('is damaged: it ends among its runs')
  const runs = wordsOf(file.subarray(HEADER_BYTES, HEADER_BYTES + count * 8))
  const sums = wordsOf(file.subarray(HEADER_BYTES + count * 8))
  if (file.length % 4 !== 0 || sums.length !== checkRuns(runs, pages, bad)) throw bad('is damaged: pages and checksums differ in number')
  return { pages, runs, sums }
}

/** How many pages they have. */
function checkRuns(runs: Uint32Array, pages: number, bad: (what: string) => DriverError): number {
  let total = 0
  let end = 0
  for (let at = 0; at < runs.length; at += 2) {
    const [first = 0, length = 0] = [runs[at], runs[at + 1]]
    if (first < end || length < 1 || length > RUN_PAGES || first + length > pages)
      throw bad(`is damaged: no such run of pages: ${length} from ${first}`)
    total += length
    end = first + length
  }
  return total
}

/** Adds the checksum of each page of `bytes` to `sums` from `at` on. */
export function sumPages(bytes: Uint8Array, sums: Uint32Array, at: number): void {
  for (let page = 0; page * PAGE_BYTES < bytes.length; page++) {
    sums[at + page] = crc32(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES))
  }
}

const sumOfFile = (file: Buffer): number => crc32(file.subarray(HEADER_BYTES), crc32(file.subarray(0, SUM_AT)))

const bytesOf = (words: Uint32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength)

/** A copy: a view would need an address that four divides. Hosts are little endian, as the file is. */
function wordsOf(bytes: Buffer): Uint32Array {
  const words = new Uint32Array(bytes.length >> 2)
  bytesOf(words).set(bytes.subarray(0, words.byteLength))
  return words
}
