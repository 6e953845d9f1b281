// What git prints for programs, read strictly: whatever has another shape is refused, never guessed at.

import { AppError } from '@nullspace/contract/errors.ts'
import type { GitBranches, GitChangedFile, GitCommit, GitStatus } from '@nullspace/contract/git.ts'
import { nameOfBytes } from '../host/guest/guest.ts'

/** Fields of a commit, each followed by NUL. With `log -z`, which writes the last one. */
export const LOG_FORMAT = '%H%x00%an%x00%ae%x00%aI%x00%B'
const LOG_FIELDS = 5
/** `*` at the branch that is checked out, else a space. */
export const BRANCH_FORMAT = '%(HEAD)%(refname)'
const HEADS = 'refs/heads/'

const NAMES: Readonly<Record<string, string>> = {
  M: 'modified',
  A: 'added',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'type_changed',
}
/** By the first letter of an entry: how many fields stand before its path. */
const FIELDS_BEFORE_PATH: Readonly<Record<string, number>> = { '1': 8, '2': 9, u: 10, '?': 1 }
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/
/** Entries of one answer: a guest could make each of a byte. */
const MOST_ENTRIES = 100_000
/** Of a commit whose date cannot be read. */
const NO_DATE = '1970-01-01T00:00:00Z'

/** Of `status --porcelain=v2 --branch -z`. */
export function parseStatus(output: Buffer): GitStatus {
  const headers = new Map<string, string>()
  const changed: GitChangedFile[] = []
  const records = terminated(output)
  for (let at = 0; at < records.length; at++) {
    const record = records[at]! // within bounds
    if (record.subarray(0, 2).equals(HEADER)) {
      const [, name = '', value = ''] = /^# (\S+) (.*)$/s.exec(nameOfBytes(record)) ?? []
      headers.set(name, value)
      continue
    }
    const renamed = record[0] === RENAMED
    changed.push(changedFile(record, renamed ? records[++at] : undefined))
  }
  const head = headers.get('branch.head')
  if (head === undefined) throw unreadable('status')
  const detached = head === '(detached)'
  const [, ahead, behind] = /^\+(\d+) -(\d+)$/.exec(headers.get('branch.ab') ?? '') ?? []
  return {
    ...(detached ? {} : { branch: head }),
    detached,
    clean: changed.length === 0,
    ...(ahead === undefined ? {} : { ahead: Number(ahead), behind: Number(behind) }),
    changed,
  }
}

const HEADER = Buffer.from('# ')
const RENAMED = '2'.charCodeAt(0)

function changedFile(record: Buffer, original: Buffer | undefined): GitChangedFile {
  const kind = String.fromCharCode(record[0] ?? 0)
  const before = FIELDS_BEFORE_PATH[kind]
  if (before === undefined) throw unreadable('status')
  let start = 0
  for (let field = 0; field < before; field++) {
    start = record.indexOf(' ', start) + 1
    if (start === 0) throw unreadable('status')
  }
  if (start >= record.length || (kind === '2') !== (original !== undefined)) throw unreadable('status')
  const path = nameOfBytes(record.subarray(start))
  if (kind === '?') return { path, status: 'untracked', staged: false, unstaged: true }
  if (kind === 'u') return { path, status: 'unmerged', staged: false, unstaged: true }
  const [index = '', tree = ''] = record.toString('latin1', 2, 4)
  const staged = index !== '.'
  const status = NAMES[staged ? index : tree]
  if (status === undefined) throw unreadable('status')
  return { path, status, staged, unstaged: tree !== '.', ...(original ? { original_path: nameOfBytes(original) } : {}) }
}

/** Of `log -z --format=LOG_FORMAT`. */
export function parseLog(output: Buffer): GitCommit[] {
  const fields = terminated(output).map((field) => field.toString('utf8'))
  if (fields.length % LOG_FIELDS !== 0) throw unreadable('log')
  const commits: GitCommit[] = []
  for (let at = 0; at < fields.length; at += LOG_FIELDS) {
    const [sha = '', author_name = '', author_email = '', date = '', message = ''] = fields.slice(at, at + LOG_FIELDS)
    if (!/^[0-9a-f]{40,64}$/.test(sha)) throw unreadable('log')
    commits.push({ sha, author_name, author_email, date: DATE.test(date) ? date : NO_DATE, message: message.replace(/\n+$/, '') })
  }
  return commits
}

/** Of `for-each-ref --format=BRANCH_FORMAT refs/heads`; names of refs hold no line breaks. */
export function parseBranches(output: Buffer): GitBranches {
  const branches: string[] = []
  let current: string | undefined
  for (const line of lines(output)) {
    if (line === '') continue
    if (!line.startsWith(HEADS, 1)) throw unreadable('for-each-ref')
    const name = line.slice(1 + HEADS.length)
    branches.push(name)
    if (line.startsWith('*')) current = name
  }
  return { branches, ...(current === undefined ? {} : { current }) }
}

/** Of `symbolic-ref HEAD`: the branch, also one without commits; undefined when it is none. */
export function parseHead(output: Buffer): string | undefined {
  const name = nameOfBytes(output).trimEnd()
  return name.startsWith(HEADS) ? name.slice(HEADS.length) : undefined
}

export function parseSha(output: Buffer): string {
  const sha = output.toString('latin1').trimEnd()
  if (!/^[0-9a-f]{40,64}$/.test(sha)) throw unreadable('rev-parse')
  return sha
}

function lines(output: Buffer): string[] {
  const all = nameOfBytes(output).split('\n', MOST_ENTRIES + 1)
  if (all.length > MOST_ENTRIES) throw tooMany()
  return all
}

/** Pieces that each end with NUL. */
function terminated(output: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(0, at)
    if (end === -1) throw unreadable('output')
    if (pieces.length === MOST_ENTRIES) throw tooMany()
    pieces.push(output.subarray(at, end))
    at = end + 1
  }
  return pieces
}

const tooMany = (): AppError =>
  new AppError('git_error', { say: `The machine’s git printed more than ${MOST_ENTRIES} entries.`, details: { exit_code: 0, output: '' } })

const unreadable = (what: string): AppError =>
  new AppError('git_error', {
    say: `The machine’s git printed a ${what} that cannot be read; is it the one of its image?`,
    details: { exit_code: 0, output: '' },
  })
