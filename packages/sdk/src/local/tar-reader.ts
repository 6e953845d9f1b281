// Reads a tar (ustar and pax) as it comes. It is not trusted: what is not as it should be is refused.

import { nameOfBytes } from '../names.ts'
import { BLOCK, padding } from './tar-header.ts'

export interface TarMember {
  /** As it stands there. */
  readonly name: string
  readonly kind: 'file' | 'directory' | 'symlink' | 'other'
  readonly mode: number
  /** Seconds. */
  readonly modified: number
  /** Of a symlink. */
  readonly target: string
  /** Of a file; passed over by going on to the next. */
  readonly content: AsyncIterable<Uint8Array>
}

/** What is no tar, or was cut. */
export class TarError extends Error {
  override readonly name = 'TarError'
}

type Records = ReadonlyMap<string, Buffer>

const KINDS: Readonly<Record<string, TarMember['kind']>> = { '0': 'file', '\0': 'file', '7': 'file', '5': 'directory', '2': 'symlink' }
/** Hard links, devices and pipes, which have no content whatever their header says; and those above. */
const EMPTY = /[1-6]/
const EXTENDED = 'x'
const GLOBAL = 'g'
/** Bytes of extended headers. */
const MOST_EXTENDED = 1024 * 1024

/** @throws TarError */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void, undefined> {
  const input = new Input(chunks)
  let records: Records = new Map()
  try {
    for (;;) {
      const header = await input.exactly(BLOCK)
      if (header.every((byte) => byte === 0)) break
      const flag = String.fromCharCode(checked(header)[156] ?? 0)
      const size = EMPTY.test(flag) ? 0 : (numberOf(records.get('size')) ?? octal(header, 124, 12))
      if (!Number.isSafeInteger(size) || size < 0) throw new TarError('a header has a size that is none')
      if (flag === EXTENDED || flag === GLOBAL) {
        const extended = await extendedHeader(input, size)
        // What is said of all is not used: our daemon says nothing of all.
        if (flag === EXTENDED) records = extended
        continue
      }
      const end = input.taken + size + padding(size)
      yield {
        name: nameOfBytes(records.get('path') ?? ustarName(header)),
        kind: KINDS[flag] ?? 'other',
        mode: octal(header, 100, 8),
        modified: numberOf(records.get('mtime')) ?? octal(header, 136, 12),
        target: nameOfBytes(records.get('linkpath') ?? text(header, 157, 100)),
        content: input.upTo(input.taken + size),
      }
      for await (const _ of input.upTo(end)) continue
      records = new Map()
    }
    for await (const _ of input.upTo(Infinity)) continue
  } finally {
    await input.leave()
  }
}

async function extendedHeader(input: Input, size: number): Promise<Records> {
  if (size > MOST_EXTENDED) throw new TarError(`an extended header has ${size} bytes`)
  const bytes = await input.exactly(size)
  await input.exactly(padding(size))
  return recordsIn(bytes)
}

function recordsIn(bytes: Buffer): Records {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(' ', at)
    const length = Number(bytes.toString('latin1', at, blank))
    const equals = bytes.indexOf('=', blank)
    const end = at + length
    if (blank < 0 || !Number.isInteger(length) || equals < 0 || equals >= end || end > bytes.length || bytes[end - 1] !== NEWLINE) {
      throw new TarError('an extended header is not as it should be')
    }
    records.set(bytes.toString('latin1', blank + 1, equals), bytes.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

const NEWLINE = 10

function checked(header: Buffer): Buffer {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (sum !== octal(header, 148, 8)) throw new TarError('a header is damaged')
  return header
}

function ustarName(header: Buffer): Buffer {
  const name = text(header, 0, 100)
  const prefix = text(header, 345, 155)
  return header.toString('latin1', 257, 262) === 'ustar' && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name
}

/** Up to the first NUL. */
function text(header: Buffer, at: number, width: number): Buffer {
  const field = header.subarray(at, at + width)
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

function octal(header: Buffer, at: number, width: number): number {
  const digits = header
    .toString('latin1', at, at + width)
    .replaceAll('\0', ' ')
    .trim()
  if (!/^[0-7]*$/.test(digits)) throw new TarError('a header has a number that is none')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function numberOf(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value.toString('latin1'))
  if (!/^-?\d/.test(value.toString('latin1')) || !Number.isFinite(number))
    throw new TarError('an extended header has a number that is none')
  return number
}

class Input {
  /** Bytes so far. */
  taken = 0
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  async exactly(length: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    for await (const piece of this.upTo(this.taken + length)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  /** What comes until `end` bytes were taken. Only of an endless one may it be less. */
  async *upTo(end: number): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.taken < end) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next()
        if (done && end === Infinity) return
        if (done) throw new TarError('it ends too early')
        this.#rest = value
        continue
      }
      const piece = this.#rest.subarray(0, end - this.taken)
      this.#rest = this.#rest.subarray(piece.length)
      this.taken += piece.length
      yield piece
    }
  }

  async leave(): Promise<void> {
    await this.#chunks.return?.()
  }
}
