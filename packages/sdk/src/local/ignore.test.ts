import { expect, test } from 'vitest'
import { ignoreRules } from './ignore.ts'

test.each<[string, string[], string[], string[]]>([
  ['a name anywhere', ['*.log'], ['a.log', 'd/e/b.log', '.log'], ['a.log2', 'log']],
  ['from the top', ['/a', 'd/b'], ['a', 'd/b'], ['d/a', 'e/d/b']],
  ['only directories', ['build/'], ['build/', 'd/build/'], ['build']],
  ['any depth', ['d/**/x', '**/y', 'z/**'], ['d/x', 'd/e/f/x', 'y', 'q/y', 'z/a', 'z/a/b'], ['x', 'z']],
  ['one character, none of them a slash', ['a?c', 'e*f'], ['abc', 'a🦜c', 'ef', 'exxf'], ['a/c', 'e/f', 'ac']],
  ['sets', ['[a-c]1', '[!x]2', '[]]3', '[]x]4'], ['b1', 'a2', ']3', 'x4'], ['d1', 'x2', '/2', 'y4']],
  ['a set that makes no sense', ['[z-a]'], [], ['z', 'a', 'm']],
  ['taken back in, the last decides', ['*.txt', '!keep.txt', 'd/keep.txt'], ['a.txt', 'd/keep.txt'], ['keep.txt']],
  [
    'comments, blanks, escapes',
    ['# a', '', '   ', String.raw`\#b`, String.raw`\!c`, 'd  ', String.raw`e\ `],
    ['#b', '!c', 'd', 'e '],
    ['# a', 'e'],
  ],
  ['what means something elsewhere', ['a.b', 'c+d', '(e)', '{f}', '^g$'], ['a.b', 'c+d', '(e)', '{f}', '^g$'], ['axb', 'ccd', 'e', 'g']],
  ['stars within a name', ['a**b'], ['ab', 'axyb'], ['a/b']],
  ['lines of another system', ['a\r'], ['a'], []],
])('%s', (_, patterns, out, kept) => {
  const leavesOut = ignoreRules(patterns)
  const asked = (path: string): boolean => leavesOut(path.replace(/\/$/, ''), path.endsWith('/'))
  expect(out.filter((path) => !asked(path))).toEqual([])
  expect(kept.filter(asked)).toEqual([])
})
