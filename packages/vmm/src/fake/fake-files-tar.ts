// As much of tar as the fake guest's files need: files and directories, and PAX records for names and sizes that do not fit.

import { bytesOfName, nameOfBytes } from '@nullspace/guest-protocol/names.ts'
import { Refusal } from './fake-files-tree.ts'

export interface TarEntry {
  /** Relative; of a directory without the slash at its end. */
  readonly name: string
  readonly type: 'file' | 'dir'
  readonly mode: number
  readonly bytes: Uint8Array
}

const BLOCK = 512
const LONGEST_NAME = 100

export function packTar(entries: Iterable<TarEntry>): Buffer {
  const parts: Uint8Array[] = []
  for (const { name, type, mode, bytes } of entries) {
    const path = Buffer.from(bytesOfName(type === 'dir' ? `${name}/` : name))
    if (path.length > LONGEST_NAME || path.some((byte) => byte > 0x7f)) {
      const record = recordOf('path', path)
      parts.push(header(Buffer.from('PaxHeader'), 'x', 0o644, record.length), ...padded(record))
    }
    parts.push(header(path.subarray(0, LONGEST_NAME), type === 'dir' ? '5' : '0', mode, bytes.length), ...padded(bytes))
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

/** Throws Refusal on what the fake guest does not lay out. */
export function unpackTar(tar: Uint8Array): TarEntry[] {
  const buffer = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength)
  const entries: TarEntry[] = []
  let named: string | undefined
  for (let at = 0; at + BLOCK <= buffer.length && buffer[at] !== 0;) {
    const head = buffer.subarray(at, at + BLOCK)
    const size = octal(head, 124, 12)
    const bytes = buffer.subarray(at + BLOCK, at + BLOCK + size)
    if (bytes.length < size) throw new Refusal('bad_archive_entry', 'an archive that ends early')
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    const type = String.fromCharCode(head[156] ?? 0)
    if (type === 'x') named = recordIn(bytes, 'path')
    if (type === 'x' || type === 'g') continue
    const name = (named ?? nameIn(head)).replace(/\/+$/, '')
    named = undefined
    if (name.startsWith('/') || name.split('/').includes('..')) throw new Refusal('bad_archive_path', name)
    if (type === '1' || type === '2') throw new Refusal('bad_archive_link', name)
    if (!['0', '\0', '5'].includes(type)) throw new Refusal('bad_archive_entry', name)
    entries.push({ name, type: type === '5' ? 'dir' : 'file', mode: octal(head, 100, 8) & 0o7777, bytes })
  }
  return entries
}

function header(name: Uint8Array, type: string, mode: number, size: number): Buffer {
  const head = Buffer.alloc(BLOCK)
  head.set(name)
  const number = (value: number, at: number, length: number): void =>
    void head.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1')
  number(mode, 100, 8)
  number(0, 108, 8)
  number(0, 116, 8)
  number(size, 124, 12)
  number(0, 136, 12)
  head.write(`        ${type}`, 148, 'latin1')
  head.write('ustar\x0000', 257, 'latin1')
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return head
}

function padded(bytes: Uint8Array): Uint8Array[] {
  return [bytes, new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK)]
}

/** Its length in front counts itself. */
function recordOf(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length
  while (length !== rest.length + `${length}`.length) length = rest.length + `${length}`.length
  return Buffer.concat([Buffer.from(`${length}`), rest])
}

function recordIn(bytes: Buffer, key: string): string | undefined {
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(' ', at)
    const length = Number(bytes.toString('latin1', at, space))
    if (space === -1 || !(length > 0)) break
    const record = bytes.subarray(space + 1, at + length - 1)
    if (record.toString('latin1', 0, key.length + 1) === `${key}=`) return nameOfBytes(record.subarray(key.length + 1))
    at += length
  }
  return undefined
}

function nameIn(head: Buffer): string {
  const field = (at: number, length: number): Buffer => {
    const bytes = head.subarray(at, at + length)
    const end = bytes.indexOf(0)
    return end === -1 ? bytes : bytes.subarray(0, end)
  }
  const [name, prefix] = [nameOfBytes(field(0, LONGEST_NAME)), nameOfBytes(field(345, 155))]
  return prefix === '' ? name : `${prefix}/${name}`
}

const octal = (head: Buffer, at: number, length: number): number => Number.parseInt(head.toString('latin1', at, at + length), 8) || 0
