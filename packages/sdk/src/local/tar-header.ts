// Headers of a tar as POSIX has it (pax): 512 bytes per entry, and before it what has no room there or is no ASCII.

import { bytesOfName } from '../names.ts'

export const BLOCK = 512

export interface TarEntry {
  /** Relative, with slashes; of a directory without one at the end. */
  readonly name: string
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Permissions. */
  readonly mode: number
  /** Bytes; 0 of all but files. */
  readonly size: number
  /** Of a symlink. */
  readonly target?: string
}

const FLAGS = { file: '0', directory: '5', symlink: '2' } as const
const EXTENDED = 'x'
/** What fits into the fields. */
const MOST_NAME = 100
const MOST_SIZE = 0o77777777777

/** The same entry has the same header: owner and times are left at nought, for they are this host's. */
export function tarHeader({ name, kind, mode, size, target = '' }: TarEntry): Buffer {
  const path = kind === 'directory' ? `${name}/` : name
  const extra = [
    ...(fits(path) ? [] : [record('path', bytesOfName(path))]),
    ...(fits(target) ? [] : [record('linkpath', bytesOfName(target))]),
    ...(size <= MOST_SIZE ? [] : [record('size', Buffer.from(String(size)))]),
  ]
  const header = block({ name: plain(path), mode, size: size <= MOST_SIZE ? size : 0, flag: FLAGS[kind], target: plain(target) })
  if (extra.length === 0) return header
  const records = Buffer.concat(extra)
  return Buffer.concat([block({ name: 'pax', mode: 0o644, size: records.length, flag: EXTENDED, target: '' }), padded(records), header])
}

/** Bytes up to the next block. */
export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))])

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)
const fits = (text: string): boolean => text.length <= MOST_NAME && isAscii(text)
/** For readers that pass over the record. */
const plain = (text: string): string => text.replaceAll(/[^\x20-\x7e]/gu, '_').slice(0, MOST_NAME)

function block({ name, mode, size, flag, target }: { name: string; mode: number; size: number; flag: string; target: string }): Buffer {
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, width: number): void =>
    void header.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1')
  header.write(name, 0, 'latin1')
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  // The sum is taken with blanks in its own place.
  header.fill(' ', 148, 156)
  header.write(flag, 156, 'latin1')
  header.write(target, 157, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** `LENGTH key=value\n`, where the length counts its own digits. */
function record(key: string, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')])
}
