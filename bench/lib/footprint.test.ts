import { expect, it } from 'vitest'
import { footprintOf, total } from './footprint.ts'

const mapping = (perms: string, path: string, pss: number, anonymous: number): string =>
  `7f0000000000-7f0000001000 ${perms} 00000000 07:00 133                       ${path}
Size:               4096 kB
Rss:                4000 kB
Pss:${String(pss).padStart(20)} kB
Pss_Dirty:             1 kB
Anonymous:${String(anonymous).padStart(14)} kB
VmFlags: rd wr mr mw me`

it('tells the parts of a process apart', () => {
  const smaps = [
    mapping('rw-p', '/pool/machines/one/memory', 100, 60),
    mapping('rw-p', '/pool/machines/one/memory (deleted)', 5, 0),
    mapping('rwxp', '', 30, 30),
    mapping('rw-p', '', 7, 7),
    mapping('rw-p', '[heap]', 8, 8),
    mapping('r-xp', '[vdso]', 1, 0),
    mapping('r-xp', '/usr/bin/qemu-system-x86_64', 12, 0),
    mapping('rw-p', '/usr/lib/libc.so.6', 2, 2),
  ].join('\n')
  const parts = footprintOf(smaps)
  expect(parts).toEqual({ ownMemory: 60, sharedMemory: 45, translatedCode: 30, heap: 16, files: 14 })
  expect(total(parts)).toBe(165)
})
