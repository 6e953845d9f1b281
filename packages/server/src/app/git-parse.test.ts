// What git prints, told as values. The fixtures are what git 2.39 printed.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOfName } from '../host/guest/guest.ts'
import { parseBranches, parseHead, parseLog, parseSha, parseStatus } from './git-parse.ts'

const SHA = '978f6eb9ee6e9cdf99b1b5ce0561f270d3cc08f2'
const NONE = '0'.repeat(40)
const nul = (...parts: (string | Uint8Array)[]): Buffer => Buffer.concat(parts.flatMap((part) => [Buffer.from(part), Buffer.from([0])]))
const status = (...parts: (string | Uint8Array)[]) => parseStatus(nul(`# branch.oid ${SHA}`, '# branch.head main', ...parts))
const UNREADABLE = expect.objectContaining({ code: 'git_error' })

describe('status', () => {
  test('of a clean repository with an upstream', () => {
    expect(status('# branch.upstream origin/main', '# branch.ab +2 -13')).toEqual({
      branch: 'main',
      detached: false,
      clean: true,
      ahead: 2,
      behind: 13,
      changed: [],
    })
  })

  test('without commits, detached, and with an upstream that is gone', () => {
    expect(parseStatus(nul('# branch.oid (initial)', '# branch.head trunk'))).toEqual({
      branch: 'trunk',
      detached: false,
      clean: true,
      changed: [],
    })
    expect(parseStatus(nul(`# branch.oid ${SHA}`, '# branch.head (detached)'))).toEqual({ detached: true, clean: true, changed: [] })
    expect(status('# branch.upstream origin/gone', '# stash 3')).toEqual({ branch: 'main', detached: false, clean: true, changed: [] })
  })

  test.each([
    [`1 .M N... 100644 100644 100644 ${SHA} ${SHA} a`, { path: 'a', status: 'modified', staged: false, unstaged: true }],
    [`1 MM N... 100644 100644 100644 ${SHA} ${SHA} a`, { path: 'a', status: 'modified', staged: true, unstaged: true }],
    [`1 A. N... 000000 100644 100644 ${NONE} ${SHA} two words`, { path: 'two words', status: 'added', staged: true, unstaged: false }],
    [`1 AD N... 000000 100644 000000 ${NONE} ${SHA} a`, { path: 'a', status: 'added', staged: true, unstaged: true }],
    [`1 .D N... 100644 100644 000000 ${SHA} ${SHA} a`, { path: 'a', status: 'deleted', staged: false, unstaged: true }],
    [`1 D. N... 100644 000000 000000 ${SHA} ${NONE} a`, { path: 'a', status: 'deleted', staged: true, unstaged: false }],
    [`1 T. N... 100644 120000 120000 ${SHA} ${SHA} a`, { path: 'a', status: 'type_changed', staged: true, unstaged: false }],
    [`1 .M SCMU 160000 160000 160000 ${SHA} ${SHA} sub`, { path: 'sub', status: 'modified', staged: false, unstaged: true }],
    [`1 .A N... 000000 000000 100644 ${NONE} ${NONE} a`, { path: 'a', status: 'added', staged: false, unstaged: true }],
    [`u UU N... 100644 100644 100644 100644 ${SHA} ${SHA} ${SHA} a b`, { path: 'a b', status: 'unmerged', staged: false, unstaged: true }],
    ['? new/', { path: 'new/', status: 'untracked', staged: false, unstaged: true }],
    ['? line\nbreak', { path: 'line\nbreak', status: 'untracked', staged: false, unstaged: true }],
  ])('%j', (record, changed) => {
    expect(status(record)).toMatchObject({ clean: false, changed: [changed] })
  })

  test('a rename takes its old name from the next record, whatever that looks like', () => {
    const entry = `2 RM N... 100644 100644 100644 ${SHA} ${SHA} R100 new`
    expect(status(entry, '? old', '? x').changed).toEqual([
      { path: 'new', status: 'renamed', staged: true, unstaged: true, original_path: '? old' },
      { path: 'x', status: 'untracked', staged: false, unstaged: true },
    ])
    expect(status(entry.replace('RM', 'C.').replace('R100', 'C75'), 'old').changed).toMatchObject([{ status: 'copied', staged: true }])
  })

  test('names that are no UTF-8 keep their bytes', () => {
    const { changed } = status(Buffer.concat([Buffer.from('? '), Buffer.from([0xff, 0x61, 0xc3])]))
    expect(changed[0]?.path).toBe('\udcffa\udcc3')
    expect([...bytesOfName(changed[0]?.path ?? '')]).toEqual([0xff, 0x61, 0xc3])
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no branch', nul(`# branch.oid ${SHA}`)],
    ['a record that does not end', Buffer.from('# branch.head main')],
    ['an unknown kind', nul('# branch.head main', 'x a')],
    ['too few fields', nul('# branch.head main', '1 .M N... 100644 a')],
    ['no path', nul('# branch.head main', '? ')],
    ['an unknown change', nul('# branch.head main', `1 .Q N... 100644 100644 100644 ${SHA} ${SHA} a`)],
    ['no change', nul('# branch.head main', `1 .. N... 100644 100644 100644 ${SHA} ${SHA} a`)],
    ['a rename without its old name', nul('# branch.head main', `2 R. N... 100644 100644 100644 ${SHA} ${SHA} R100 new`)],
    ['an empty record', nul('# branch.head main', '')],
  ])('refused: %s', (_, output) => {
    expect(() => parseStatus(output)).toThrow(UNREADABLE)
  })

  const name = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => bytes.map((byte) => byte || 1))
  const letters = fc.constantFrom('.', 'M', 'A', 'D', 'T')
  const entry = fc.oneof(
    fc.record({ kind: fc.constant('?' as const), name }),
    fc.record({ kind: fc.constant('u' as const), name }),
    fc.record({ kind: fc.constant('1' as const), name, x: letters, y: letters }).filter(({ x, y }) => x !== '.' || y !== '.'),
    fc.record({ kind: fc.constant('2' as const), name, y: letters, old: name }),
  )
  test('any names in any order come back byte for byte', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const records = entries.flatMap((one) => {
          const path = (front: string): Buffer => Buffer.concat([Buffer.from(front), one.name])
          if (one.kind === '?') return [path('? ')]
          if (one.kind === 'u') return [path(`u AA N... 1 2 3 4 ${SHA} ${SHA} ${SHA} `)]
          if (one.kind === '1') return [path(`1 ${one.x}${one.y} N... 1 2 3 ${SHA} ${SHA} `)]
          return [path(`2 R${one.y} N... 1 2 3 ${SHA} ${SHA} R9 `), one.old]
        })
        const { changed, clean } = status(...records)
        expect(clean).toBe(entries.length === 0)
        expect(changed.map(({ path }) => [...bytesOfName(path)])).toEqual(entries.map((one) => [...one.name]))
        expect(changed.map(({ original_path }) => original_path && [...bytesOfName(original_path)])).toEqual(
          entries.map((one) => (one.kind === '2' ? [...one.old] : undefined)),
        )
        expect(changed.map(({ staged }) => staged)).toEqual(entries.map((one) => one.kind === '2' || (one.kind === '1' && one.x !== '.')))
      }),
    )
  })
  test('what is no output of git is refused and never hangs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const parse of [parseStatus, parseLog, parseBranches, parseSha]) {
          try {
            parse(Buffer.from(bytes))
          } catch (error) {
            expect(error).toEqual(UNREADABLE)
          }
        }
      }),
    )
  })
})

describe('log', () => {
  test('fields come back as they were, but for the end of the message', () => {
    const output = nul(SHA, 'Ö', 'o@x', '2026-11-25T10:07:47+02:00', 'subject\n\nbody\n', NONE, '', '', 'never', '')
    expect(parseLog(output)).toEqual([
      { sha: SHA, author_name: 'Ö', author_email: 'o@x', date: '2026-11-25T10:07:47+02:00', message: 'subject\n\nbody' },
      { sha: NONE, author_name: '', author_email: '', date: '1970-01-01T00:00:00Z', message: '' },
    ])
    expect(parseLog(Buffer.alloc(0))).toEqual([])
  })

  test('a cut or shifted one is refused', () => {
    const output = nul(SHA, 'n', 'e', 'd', 'm')
    expect(() => parseLog(output.subarray(0, -1))).toThrow(UNREADABLE)
    expect(() => parseLog(nul(SHA, 'n', 'e', 'd'))).toThrow(UNREADABLE)
    expect(() => parseLog(nul('n', 'e', 'd', 'm', SHA))).toThrow(UNREADABLE)
  })
})

test('of entries there are no more than can be held, however small a guest makes them', () => {
  const many = /printed more than 100000 entries/
  expect(() => parseStatus(Buffer.concat([Buffer.from('# branch.head main\0'), Buffer.alloc(400_000, '? a\0')]))).toThrow(many)
  expect(() => parseLog(Buffer.alloc(100_001))).toThrow(many)
  expect(() => parseBranches(Buffer.alloc(100_001, '\n'))).toThrow(many)
})

describe('branches', () => {
  test('the current one is marked', () => {
    expect(parseBranches(Buffer.from(' refs/heads/a\n*refs/heads/feature/ü\n'))).toEqual({
      branches: ['a', 'feature/ü'],
      current: 'feature/ü',
    })
    expect(parseBranches(Buffer.from(' refs/heads/a\n'))).toEqual({ branches: ['a'] })
    expect(parseBranches(Buffer.alloc(0))).toEqual({ branches: [] })
    expect(() => parseBranches(Buffer.from(' refs/tags/a\n'))).toThrow(UNREADABLE)
  })

  test('where HEAD is', () => {
    expect(parseHead(Buffer.from('refs/heads/main\n'))).toBe('main')
    expect(parseHead(Buffer.alloc(0))).toBeUndefined()
    expect(parseSha(Buffer.from(`${SHA}\n`))).toBe(SHA)
    expect(() => parseSha(Buffer.from('HEAD\n'))).toThrow(UNREADABLE)
  })
})
