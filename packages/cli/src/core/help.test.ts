import { afterEach, expect, test } from 'vitest'
import { COMMANDS, GROUPS } from '../commands.ts'
import { removeHomes, testCli } from '../../test/test-io.ts'

afterEach(removeHomes)

test('nullspace --help', async () => {
  const { code, out } = await testCli()('--help')
  expect(code).toBe(0)
  expect(out).toMatchSnapshot()
})

test.each(COMMANDS.map(({ path }) => path))('nullspace %s --help', async (path) => {
  const { code, out, err } = await testCli()(...path.split(' '), '--help')
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatchSnapshot()
})

test('every command has examples that begin with its own words, and every noun a summary', () => {
  for (const { path, examples } of COMMANDS) {
    expect(examples.length, path).toBeGreaterThan(0)
    expect(
      examples.every((line) => line.includes(`nullspace ${path}`)),
      path,
    ).toBe(true)
  }
  const words = COMMANDS.map(({ path }) => path.split(' '))
  const nouns = new Set(words.flatMap((path) => path.slice(1).map((_, at) => path.slice(0, at + 1).join(' '))))
  expect(Object.keys(GROUPS).sort()).toEqual([...nouns].sort())
})

test('a noun without a verb shows its help and is a usage error', async () => {
  const { code, out, err } = await testCli()('machine')
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('Usage: nullspace machine')
})
