import { describe, expect, it } from 'vitest'
import { boundedSize, parseMounts } from './loop.ts'
import { bounded } from './open-pool.ts'

const GIB = 2 ** 30

describe('size of a new image', () => {
  it.each([
    [0, 4 * GIB],
    [4 * GIB, 4 * GIB],
    [100 * GIB, 80 * GIB],
    [101 * GIB, 80 * GIB],
    [1_000_000 * GIB, 1024 * GIB],
  ])('%i bytes free give %i', (free, size) => expect(boundedSize(free)).toBe(size))
})

describe('what can really be written', () => {
  it('is what the outer filesystem has left when that is less', () => {
    expect(bounded({ freeBytes: 900, totalBytes: 1000 }, { freeBytes: 50, totalBytes: 5000 })).toEqual({ freeBytes: 50, totalBytes: 150 })
  })
  it('is what the image has left when the disk has more', () => {
    expect(bounded({ freeBytes: 10, totalBytes: 1000 }, { freeBytes: 50, totalBytes: 5000 })).toEqual({ freeBytes: 10, totalBytes: 1000 })
  })
})

it('reads mount points with spaces and with any number of optional fields', () => {
  const text = [
    '25 1 8:1 / / rw,relatime shared:1 master:2 - ext4 /dev/root rw',
    String.raw`90 25 7:0 / /srv/my\040data/pool rw,noatime - xfs /dev/loop0 rw,attr2`,
    '',
  ].join('\n')
  expect(parseMounts(text)).toEqual([
    { point: '/', type: 'ext4', source: '/dev/root' },
    { point: '/srv/my data/pool', type: 'xfs', source: '/dev/loop0' },
  ])
})
