// What a guest says of a file, whatever it is.

import { FileInfo } from '@nullspace/contract/files.ts'
import { expect, test } from 'vitest'
import { infoOf } from './files-view.ts'

test('no length and no time is too large for the wire', () => {
  const entry = { path: '/x', type: 'file', mode: 0o7777, uid: 7, gid: 8, owner: '', group: '', target: '' } as const
  for (const [size, modifiedNs] of [
    [2n ** 63n - 1n, 2n ** 63n - 1n],
    [0n, -(2n ** 63n)],
  ] as const) {
    const info = infoOf({ ...entry, size, modifiedNs })
    expect(FileInfo.parse(info)).toEqual(info)
  }
  expect(infoOf({ ...entry, size: 2n ** 63n - 1n, modifiedNs: 0n }).size).toBe(Number.MAX_SAFE_INTEGER)
})
