import { expect, it } from 'vitest'
import { ownExtents } from './own-blocks.ts'

it('counts the extents that are not shared', () => {
  const said = `Filesystem type is: 58465342
File size of memory is 268435456 (65536 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..       0:      24608..     24608:      1:             shared
   1:        1..       1:      90000..     90000:      1:      24609:
   2:       16..      31:      24624..     24639:     16:      90001: shared
   3:    65000..   65535:     100000..    100535:    536:      89608: last,eof
memory: 4 extents found
`
  expect(ownExtents(said)).toBe(537 * 4096)
  expect(ownExtents('empty: 0 extents found\n')).toBe(0)
})
