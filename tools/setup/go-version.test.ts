import { expect, test } from 'vitest'
import { backportsSource, newestGoPackage, newEnough, parseGoVersion, requiredGo } from './go-version.ts'

test('go.mod raises the required version, never lowers it', () => {
  expect(requiredGo('module x\n\ngo 1.24.1\n')).toEqual([1, 24])
  expect(requiredGo('module x\n\ngo 1.18\n')).toEqual([1, 22])
  expect(requiredGo('')).toEqual([1, 22])
})

test('versions compare by number, not by text', () => {
  expect(parseGoVersion('go version go1.9.1 linux/amd64')).toEqual([1, 9])
  expect(newEnough([1, 9], [1, 22])).toBe(false)
  expect(newEnough([1, 26], [1, 22])).toBe(true)
  expect(parseGoVersion('bash: go: command not found')).toBeUndefined()
})

test('the newest offered package is taken if it will do', () => {
  const search = 'golang-1.19-go - Go compiler\ngolang-1.23-go - Go compiler\ngolang-1.21-go - Go compiler\n'
  expect(newestGoPackage(search, [1, 22])).toBe('golang-1.23-go')
  expect(newestGoPackage(search, [1, 24])).toBeUndefined()
  expect(newestGoPackage('', [1, 22])).toBeUndefined()
})

test('backports come from the mirror in use, and only on Debian', () => {
  const targets = 'Translations|http://mirror.test/debian/|bookworm|main\nPackages|http://mirror.test/debian/|bookworm|main\n'
  const debian = 'PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n'
  expect(backportsSource(targets, debian)).toBe('deb http://mirror.test/debian/ bookworm-backports main')
  expect(backportsSource(targets, 'VERSION_CODENAME=noble\nID=ubuntu\n')).toBeUndefined()
  expect(backportsSource('', debian)).toBeUndefined()
})
