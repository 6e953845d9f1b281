import { expect, test } from 'vitest'
import { missingPackages, parseAptList } from './apt-list.ts'

test('names, comments, blank lines and architectures', () => {
  const text = '# head\nqemu-utils   # qemu-img\n\nqemu-system-x86 [x86_64] # here\nqemu-system-arm [aarch64]\nlibstdc++6\n'
  expect(parseAptList(text, 'x86_64')).toEqual(['qemu-utils', 'qemu-system-x86', 'libstdc++6'])
  expect(parseAptList(text, 'aarch64')).toEqual(['qemu-utils', 'qemu-system-arm', 'libstdc++6'])
})

test('a line that is no package name is refused', () => {
  expect(() => parseAptList('qemu utils\n', 'x86_64')).toThrow('not a package name: "qemu utils"')
})

test('only what is installed and configured counts', () => {
  const dpkg = ['kmod\tii \t', 'nftables\trc \t', 'xfsprogs\tiU \t', 'e2fsprogs\tii \t', ''].join('\n')
  expect(missingPackages(['kmod', 'nftables', 'xfsprogs', 'e2fsprogs', 'absent'], dpkg)).toEqual(['absent', 'nftables', 'xfsprogs'])
})

test('a name that another package provides counts as installed', () => {
  const dpkg = 'debianutils\tii \t\nlibcap-dev-x\tii \tlibcap-dev, pkg-thing (= 1.2)\n'
  expect(missingPackages(['libcap-dev', 'pkg-thing'], dpkg)).toEqual([])
})

test('a package named twice is missing once', () => {
  expect(missingPackages(['kmod', 'kmod'], '')).toEqual(['kmod'])
})
