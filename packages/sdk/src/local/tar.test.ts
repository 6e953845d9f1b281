import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAll } from '../../test/fake-daemon.ts'
import { BLOCK, padding, tarHeader, type TarEntry } from './tar-header.ts'
import { readTar, TarError } from './tar-reader.ts'

interface Read extends Omit<TarEntry, 'size' | 'kind'> {
  readonly kind: string
  readonly content: string
}

const END = Buffer.alloc(2 * BLOCK)

function packed(entries: readonly (Partial<TarEntry> & { readonly name: string; readonly content?: Uint8Array })[]): Buffer {
  const blocks = entries.map(({ content = Buffer.alloc(0), ...entry }) =>
    Buffer.concat([
      tarHeader({ kind: 'file', mode: 0o644, ...entry, size: content.length }),
      content,
      Buffer.alloc(padding(content.length)),
    ]),
  )
  return Buffer.concat([...blocks, END])
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function unpacked(archive: Uint8Array, size = 700): Promise<Read[]> {
  const all: Read[] = []
  for await (const { name, kind, mode, target, content } of readTar(pieces(archive, size))) {
    all.push({ name, kind, mode, target, content: (await readAll(content)).toString('latin1') })
  }
  return all
}

test('every entry comes back, whatever its name, and however it is cut', async () => {
  const names = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('\udcff'), fc.constant('x'.repeat(120))), {
    minLength: 1,
    maxLength: 3,
  })
  const name = names.map((parts) => parts.join('').replaceAll(/[\0/]/g, '') || 'a')
  const entry = fc.record({ name, content: fc.uint8Array({ maxLength: 1500 }), mode: fc.integer({ min: 0, max: 0o7777 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 4 }), fc.integer({ min: 1, max: 2000 }), async (entries, size) => {
      const expected = entries.map(({ content, ...rest }) => ({
        ...rest,
        kind: 'file',
        target: '',
        content: Buffer.from(content).toString('latin1'),
      }))
      expect(await unpacked(packed(entries), size)).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})

test('directories, links and long names', async () => {
  const long = `${'d'.repeat(60)}/${'é'.repeat(60)}`
  const entries = [
    { name: 'd', kind: 'directory', mode: 0o755 },
    { name: 'l', kind: 'symlink', mode: 0o777, target: long },
    { name: long, content: Buffer.from('x') },
  ] as const
  expect(await unpacked(packed(entries))).toMatchObject([
    { name: 'd/', kind: 'directory', mode: 0o755 },
    { name: 'l', kind: 'symlink', target: long },
    { name: long, kind: 'file', content: 'x' },
  ])
})

test('a header is the same each time and as others write it', () => {
  const header = tarHeader({ name: 'a', kind: 'file', mode: 0o640, size: 5 })
  expect(header.length).toBe(BLOCK)
  expect(header.toString('latin1', 0, 157).replaceAll('\0', '.')).toBe(
    `a${'.'.repeat(99)}0000640.0000000.0000000.00000000005.00000000000.006077. 0`,
  )
  expect(header.toString('latin1', 257, 265)).toBe('ustar\x0000')
})

test('a size that has no room in the field', async () => {
  const size = 9 * 1024 ** 3
  const header = tarHeader({ name: 'a', kind: 'file', mode: 0o644, size })
  expect(header.toString('latin1')).toContain(`size=${size}\n`)
})

test('what is not read is passed over', async () => {
  const names: string[] = []
  for await (const { name } of readTar(pieces(packed([{ name: 'a', content: Buffer.alloc(3000) }, { name: 'b' }]), 100))) names.push(name)
  expect(names).toEqual(['a', 'b'])
})

describe('what is no tar', () => {
  const good = packed([{ name: 'a', content: Buffer.from('hello') }])
  const with0 = (at: number, value: string): Buffer => {
    const bytes = Buffer.from(good)
    bytes.write(value, at, 'latin1')
    return bytes
  }
  /** The sum is right again. */
  const summed = (bytes: Buffer): Buffer => {
    bytes.fill(' ', 148, 156)
    const sum = bytes.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0)
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    return bytes
  }
  const extended = (record: string): Buffer => {
    const content = Buffer.from(record)
    const header = summed(Buffer.from(tarHeader({ name: 'pax', kind: 'file', mode: 0, size: content.length })).fill('x', 156, 157))
    return Buffer.concat([header, content, Buffer.alloc(padding(content.length)), good])
  }

  test.each<[string, Uint8Array]>([
    ['nothing at all', Buffer.alloc(0)],
    ['cut in a header', good.subarray(0, 100)],
    ['cut in a file', good.subarray(0, BLOCK + 2)],
    ['cut before the end', good.subarray(0, 2 * BLOCK)],
    ['damaged', with0(2, 'x')],
    ['a size that is no number', summed(with0(124, '0000000000z'))],
    ['a record without an end', extended('99 path=x\n')],
    ['a record without a key', extended('7 path\n')],
    ['a size below nothing', extended('11 size=-5\n')],
    ['a size in halves', extended('12 size=1.5\n')],
    ['a page of text', Buffer.alloc(BLOCK, 'no tar ')],
  ])('%s', async (_, bytes) => {
    await expect(unpacked(bytes)).rejects.toBeInstanceOf(TarError)
  })
})
