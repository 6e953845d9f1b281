// What the daemon and the file helper in a guest say to each other, over the helper's standard input and output.
// FILES.md has the rules; vectors/files.json holds the bytes that both sides are tested with.

import { type Codec, codec, empty } from './codec.ts'
import type { Reader, Writer } from './bytes.ts'
import { bytesOfName, nameOfBytes } from './names.ts'

/** Of a frame without its length: kind and payload, bytes. */
export const LONGEST_FRAME = 256 * 1024
/** Of file contents in one Data frame. */
export const DATA_BYTES = 64 * 1024

export const FILE_TYPES = ['file', 'dir', 'symlink', 'other'] as const
export type FileType = (typeof FILE_TYPES)[number]

export interface FileEntry {
  /** Absolute. */
  readonly path: string
  readonly type: FileType
  readonly size: bigint
  /** The lower 12 bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Names out of the guest's files; empty when it has none for the number. */
  readonly owner: string
  readonly group: string
  /** ns since the epoch; may be before it. */
  readonly modifiedNs: bigint
  /** Of a symlink; empty otherwise. */
  readonly target: string
}

/** Why a request came to nothing, numbered from 1. */
export const FILE_REFUSALS = [
  'not_found',
  'exists',
  'not_directory',
  'is_directory',
  'permission_denied',
  'no_space',
  'not_empty',
  'reserved',
  'invalid',
  'too_many',
  'loop',
  'read_only',
  'unsupported',
  'bad_archive_path',
  'bad_archive_link',
  'bad_archive_entry',
  'io',
] as const
export type FileRefusal = (typeof FILE_REFUSALS)[number]

export const CONFLICTS = ['merge', 'replace', 'error'] as const
export type Conflict = (typeof CONFLICTS)[number]

export const WATCH_EVENTS = ['create', 'write', 'remove', 'rename', 'chmod', 'overflow'] as const
export type WatchEventKind = (typeof WATCH_EVENTS)[number]

const path = (w: Writer, value: string): Writer => {
  const bytes = bytesOfName(value)
  return w.u32(bytes.length).raw(bytes)
}
const readPath = (r: Reader): string => nameOfBytes(r.raw(r.u32()))
const paths = (w: Writer, values: readonly string[]): Writer => {
  w.u32(values.length)
  for (const value of values) path(w, value)
  return w
}
const many = <T>(r: Reader, one: (r: Reader) => T): T[] => {
  const out: T[] = []
  for (let left = r.u32(); left > 0; left--) out.push(one(r))
  return out
}
const flag = (value: boolean): number => (value ? 1 : 0)
const oneOf = <T>(values: readonly T[], index: number, fallback: T): T => values[index] ?? fallback

// Requests.

/** Answered by Entry. `follow`: of what a symlink leads to. */
export const Stat = codec<{ readonly path: string; readonly follow: boolean }>(
  0x01,
  (w, m) => path(w, m.path).u8(flag(m.follow)),
  (r) => ({ path: readPath(r), follow: r.u8() === 1 }),
)
/**
 * Answered by Entries, any number, a directory before what is in it. Depth 1: what is in the directory; 0 is `invalid`.
 * Symlinks are not followed on the way down.
 */
export const List = codec<{ readonly path: string; readonly depth: number }>(
  0x02,
  (w, m) => path(w, m.path).u32(m.depth),
  (r) => ({ path: readPath(r), depth: r.u32() }),
)
/** Answered by Entry (of the file, at its opening), then Data, no more than `length` bytes. */
export const Read = codec<{ readonly path: string; readonly offset: bigint; readonly length: bigint }>(
  0x03,
  (w, m) => path(w, m.path).u64(m.offset).u64(m.length),
  (r) => ({ path: readPath(r), offset: r.u64(), length: r.u64() }),
)
/**
 * Answered by Started, then takes Data and DataEnd, then Entry. `replace`: the new contents are there all at once or not at
 * all. `mode` 0: as the file had, or 0644. Long runs of zeros become holes. `exclusive`: `exists` when there is one.
 */
export const Write = codec<{ readonly path: string; readonly append: boolean; readonly mode: number; readonly exclusive: boolean }>(
  0x04,
  (w, m) => path(w, m.path).u8(flag(m.append)).u32(m.mode).u8(flag(m.exclusive)),
  (r) => ({ path: readPath(r), append: r.u8() === 1, mode: r.u32(), exclusive: r.u8() === 1 }),
)
/** With those above it; one that is there is no error. Answered by Entry. */
export const MakeDir = codec<{ readonly path: string }>(
  0x05,
  (w, m) => path(w, m.path),
  (r) => ({ path: readPath(r) }),
)
/** Replaces a file at `to`, as rename(2) does. Answered by Entry of the new path. */
export const Rename = codec<{ readonly from: string; readonly to: string }>(
  0x06,
  (w, m) => path(path(w, m.from), m.to),
  (r) => ({ from: readPath(r), to: readPath(r) }),
)
/** A directory goes with all that is in it; a symlink goes itself. */
export const Remove = codec<{ readonly path: string }>(
  0x07,
  (w, m) => path(w, m.path),
  (r) => ({ path: readPath(r) }),
)
export const Chmod = codec<{ readonly path: string; readonly mode: number }>(
  0x08,
  (w, m) => path(w, m.path).u32(m.mode),
  (r) => ({ path: readPath(r), mode: r.u32() }),
)
/** Lines of files at or below `path` that fit a regular expression (RE2), or hold the text when it is none. Answered by Matches. */
export const Find = codec<{ readonly path: string; readonly pattern: string; readonly limit: number }>(
  0x09,
  (w, m) => path(w, m.path).str(m.pattern).u32(m.limit),
  (r) => ({ path: readPath(r), pattern: r.str(), limit: r.u32() }),
)
/** Names below `path` that fit a glob; with a slash in it, paths from there on. Answered by Names, which are absolute. */
export const Search = codec<{ readonly path: string; readonly pattern: string; readonly limit: number }>(
  0x0a,
  (w, m) => path(path(w, m.path), m.pattern).u32(m.limit),
  (r) => ({ path: readPath(r), pattern: readPath(r), limit: r.u32() }),
)
/** Plain text, everywhere in each of the files. Answered by Replaced, once per file in their order, with the path as it was asked for. */
export const Replace = codec<{
  readonly paths: readonly string[]
  readonly pattern: string
  readonly replacement: string
  readonly dryRun: boolean
}>(
  0x0b,
  (w, m) => paths(w, m.paths).str(m.pattern).str(m.replacement).u8(flag(m.dryRun)),
  (r) => ({ paths: many(r, readPath), pattern: r.str(), replacement: r.str(), dryRun: r.u8() === 1 }),
)
/** Answered by Started, then WatchEvent until the helper is ended. */
export const Watch = codec<{ readonly path: string; readonly recursive: boolean }>(
  0x0c,
  (w, m) => path(w, m.path).u8(flag(m.recursive)),
  (r) => ({ path: readPath(r), recursive: r.u8() === 1 }),
)
/** The directory as a tar (PAX), names relative to it. Answered by Data. */
export const Pack = codec<{ readonly path: string }>(
  0x0d,
  (w, m) => path(w, m.path),
  (r) => ({ path: readPath(r) }),
)
/**
 * Answered by Started, then takes a tar as Data and DataEnd, then Unpacked. It is laid out beside the target and put in place
 * when it is whole: `error` refuses a target that is there, `replace` puts it in its stead, `merge` lays it over.
 */
export const Unpack = codec<{ readonly path: string; readonly conflict: Conflict }>(
  0x0e,
  (w, m) => path(w, m.path).u8(CONFLICTS.indexOf(m.conflict)),
  (r) => ({ path: readPath(r), conflict: oneOf(CONFLICTS, r.u8(), 'error') }),
)
/** Bytes themselves, both ways. */
export const DATA = 0x10
export const DataEnd = empty(0x11)

// Answers. Each ends with Done or Refused.

const writeEntry = (w: Writer, m: FileEntry): Writer =>
  path(
    path(w, m.path)
      .u8(FILE_TYPES.indexOf(m.type))
      .u64(m.size)
      .u32(m.mode)
      .u32(m.uid)
      .u32(m.gid)
      .str(m.owner)
      .str(m.group)
      .u64(BigInt.asUintN(64, m.modifiedNs)),
    m.target,
  )
const readEntry = (r: Reader): FileEntry => ({
  path: readPath(r),
  type: oneOf(FILE_TYPES, r.u8(), 'other'),
  size: r.u64(),
  mode: r.u32(),
  uid: r.u32(),
  gid: r.u32(),
  owner: r.str(),
  group: r.str(),
  modifiedNs: BigInt.asIntN(64, r.u64()),
  target: readPath(r),
})

export const Entry = codec<FileEntry>(0x40, writeEntry, readEntry)
export const Entries = codec<readonly FileEntry[]>(
  0x41,
  (w, m) => {
    w.u32(m.length)
    for (const one of m) writeEntry(w, one)
  },
  (r) => many(r, readEntry),
)
export const Matches = codec<readonly { readonly path: string; readonly line: number; readonly content: string }[]>(
  0x42,
  (w, m) => {
    w.u32(m.length)
    for (const one of m) path(w, one.path).u32(one.line).str(one.content)
  },
  (r) => many(r, () => ({ path: readPath(r), line: r.u32(), content: r.str() })),
)
export const Names = codec<readonly string[]>(0x43, paths, (r) => many(r, readPath))
/** Of one file: how often it was replaced, and why the file was left alone. */
export const REPLACE_SKIPS = ['none', 'binary', 'missing', 'denied', 'too_large', 'not_a_file'] as const
export const Replaced = codec<{
  readonly path: string
  readonly replacements: bigint
  readonly skipped: (typeof REPLACE_SKIPS)[number]
}>(
  0x44,
  (w, m) => path(w, m.path).u64(m.replacements).u8(REPLACE_SKIPS.indexOf(m.skipped)),
  (r) => ({ path: readPath(r), replacements: r.u64(), skipped: oneOf(REPLACE_SKIPS, r.u8(), 'denied') }),
)
export const Unpacked = codec<{ readonly bytes: bigint; readonly files: bigint }>(
  0x45,
  (w, m) => w.u64(m.bytes).u64(m.files),
  (r) => ({ bytes: r.u64(), files: r.u64() }),
)
export const WatchEvent = codec<{ readonly event: WatchEventKind; readonly path: string }>(
  0x46,
  (w, m) => path(w.u8(WATCH_EVENTS.indexOf(m.event)), m.path),
  (r) => ({ event: oneOf(WATCH_EVENTS, r.u8(), 'overflow'), path: readPath(r) }),
)
/** The request is possible: send the data; or, of a watch: no change is missed from now on. */
export const Started = empty(0x47)
export const Done = empty(0x4e)
export const Refused = codec<{ readonly refusal: FileRefusal; readonly message: string }>(
  0x4f,
  (w, m) => w.u8(FILE_REFUSALS.indexOf(m.refusal) + 1).str(m.message),
  (r) => ({ refusal: oneOf(FILE_REFUSALS, r.u8() - 1, 'io'), message: r.str() }),
)

export const FILE_MESSAGES: Readonly<Record<string, Codec<never>>> = {
  Stat,
  List,
  Read,
  Write,
  MakeDir,
  Rename,
  Remove,
  Chmod,
  Find,
  Search,
  Replace,
  Watch,
  Pack,
  Unpack,
  DataEnd,
  Entry,
  Entries,
  Matches,
  Names,
  Replaced,
  Unpacked,
  WatchEvent,
  Started,
  Done,
  Refused,
} as unknown as Readonly<Record<string, Codec<never>>>
