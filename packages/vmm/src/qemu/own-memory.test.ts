import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findMemory, parseMaps } from './own-memory.ts'

test('reads mappings as the kernel prints them', () => {
  const text = [
    '7f3c40000000-7f3c50000000 rw-p 00000000 07:00 131                        /pool/golden/memory (deleted)',
    '7f3c50000000-7f3c50001000 rw-s 00001000 103:02 9007199254740993          /a b/c',
    'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
    'not a mapping',
    '',
  ].join('\n')
  expect(parseMaps(text).slice(0, 2)).toEqual([
    { start: 0x7f3c40000000, end: 0x7f3c50000000, isPrivate: true, offset: 0, ino: '131' },
    {
      start: 0x7f3c50000000,
      end: 0x7f3c50001000,
      isPrivate: false,
      offset: 4096,
      ino: '9007199254740993',
    },
  ])
  expect(parseMaps(text)).toHaveLength(3)
})

test('a process that does not map the file, or not all of it, is refused', async () => {
  const { dev, ino } = statSync(process.execPath, { bigint: true })
  const refused = { code: 'control_failed' }
  await expect(findMemory(process.pid, { dev: `${dev}`, ino: '1', bytes: 4096 })).rejects.toMatchObject(refused)
  await expect(findMemory(process.pid, { dev: `${dev}`, ino: `${ino}`, bytes: 2 ** 40 })).rejects.toMatchObject(refused)
})
