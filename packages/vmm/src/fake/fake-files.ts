// The file helper of the fake guest: answers requests on its input as the real one does, over the files in memory.

import type { Codec } from '@nullspace/guest-protocol/codec.ts'
import * as files from '@nullspace/guest-protocol/files.ts'
import { demand, type FakeTree, parentOf, Refusal, USERS } from './fake-files-tree.ts'
import { packTar, unpackTar } from './fake-files-tar.ts'
import type { Program } from './fake-shell.ts'

const PROGRAM = '/usr/lib/nullspace/agent'
const RESERVED = '/workspace/.nullspace'
const BATCH = 100

interface Helper {
  readonly tree: FakeTree
  readonly uid: number
  /** Absolute, of what a request says; throws Refusal on what is reserved. */
  at(path: string): string
  say<T>(codec: Codec<T>, value: T): Promise<void>
  data(bytes: Uint8Array): Promise<void>
  /** Says Started, and returns what came until DataEnd; null: the end of all input. */
  receive(): Promise<Uint8Array | null>
  readonly signal: AbortSignal
}

type Request = (helper: Helper) => Promise<void>

/** The program that argv means, or null. */
export function fileHelper(tree: FakeTree, argv: readonly string[], user: string): Program | null {
  if (argv[0] !== PROGRAM || argv[1] !== 'files') return null
  const { uid, home } = USERS.get(user) ?? { uid: 0, home: '/root' }
  return async ([, base = ''], io) => {
    const next = framesOf(io.read)
    const send = (kind: number, payload: Uint8Array): Promise<void> => io.write(1, frame(kind, payload))
    const say = <T>(codec: Codec<T>, value: T): Promise<void> => send(codec.kind, codec.encode(value))
    const helper: Helper = {
      tree,
      uid,
      signal: io.signal,
      say,
      at: (path) => allowed(resolve(path, base || home, home)),
      data: async (bytes) => {
        for (let at = 0; at < bytes.length; at += files.DATA_BYTES) await send(files.DATA, bytes.subarray(at, at + files.DATA_BYTES))
      },
      receive: async () => {
        await say(files.Started, null)
        const parts: Uint8Array[] = []
        for (let got = await next(); got; got = await next()) {
          if (got.kind === files.DataEnd.kind) return Buffer.concat(parts)
          parts.push(got.payload)
        }
        return null
      },
    }
    for (let got = await next(); got; got = await next()) {
      try {
        await (REQUESTS[got.kind]?.(got.payload) ?? unknown)(helper)
        await say(files.Done, null)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        await say(files.Refused, { refusal: error.refusal, message: error.message })
      }
    }
    return 0
  }
}

const unknown: Request = () => Promise.reject(new Refusal('unsupported', 'this request'))
const on = <T>(codec: Codec<T>, answer: (helper: Helper, request: T) => Promise<void>): [number, (payload: Uint8Array) => Request] => [
  codec.kind,
  (payload) => (helper) => answer(helper, codec.decode(payload)),
]

const REQUESTS: Readonly<Record<number, (payload: Uint8Array) => Request>> = Object.fromEntries([
  on(files.Stat, async ({ tree, uid, at, say }, request) => {
    const path = at(request.path)
    tree.must(uid, path)
    await say(files.Entry, tree.entry(path))
  }),
  on(files.List, async ({ tree, uid, at, say }, { path, depth }) => {
    const top = directory({ tree, uid }, at(path))
    const entries = shown(tree.below(uid, top, depth)).map((one) => tree.entry(one))
    for (const some of batches(entries)) await say(files.Entries, some)
  }),
  on(files.Read, async ({ tree, uid, at, say, data }, request) => {
    const path = at(request.path)
    const { bytes } = file({ tree, uid }, path)
    await say(files.Entry, tree.entry(path))
    const from = Math.min(bytes.length, Number(request.offset))
    await data(bytes.subarray(from, from + Math.min(bytes.length, Number(request.length))))
  }),
  on(files.Write, async ({ tree, uid, at, say, receive }, request) => {
    const path = at(request.path)
    const before = tree.node(path) && tree.find(uid, path)
    if (before?.type === 'dir') throw new Refusal('is_directory', path)
    if (before && request.exclusive) throw new Refusal('exists', path)
    if (before) demand(uid, before, 2, path)
    else tree.makeDirs(uid, parentOf(path))
    if (!before) demand(uid, tree.must(uid, parentOf(path)), 3, path)
    const bytes = await receive()
    if (!bytes) return
    const head = request.append ? (tree.node(path)?.bytes ?? new Uint8Array(0)) : new Uint8Array(0)
    tree.write(uid, path, { bytes: Buffer.concat([head, bytes]), mode: request.mode })
    await say(files.Entry, tree.entry(path))
  }),
  on(files.MakeDir, async ({ tree, uid, at, say }, request) => {
    const path = at(request.path)
    tree.makeDirs(uid, path)
    await say(files.Entry, tree.entry(path))
  }),
  on(files.Rename, async ({ tree, uid, at, say }, { from, to }) => {
    tree.rename(uid, at(from), at(to))
    await say(files.Entry, tree.entry(at(to)))
  }),
  on(files.Remove, async ({ tree, uid, at }, { path }) => tree.remove(uid, at(path))),
  on(files.Chmod, async ({ tree, uid, at }, { path, mode }) => tree.chmod(uid, at(path), mode)),
  on(files.Find, async ({ tree, uid, at, say }, { path, pattern, limit }) => {
    const top = at(path)
    const fits = expression(pattern)
    const paths = tree.must(uid, top).type === 'dir' ? shown(tree.below(uid, top, Infinity)) : [top]
    const found = paths.flatMap((one) => {
      const lines = textOf({ tree, uid }, one)?.split('\n') ?? []
      return lines.flatMap((content, i) => (fits(content) ? [{ path: one, line: i + 1, content }] : []))
    })
    for (const some of batches(found.slice(0, limit))) await say(files.Matches, some)
  }),
  on(files.Search, async ({ tree, uid, at, say }, { path, pattern, limit }) => {
    const top = directory({ tree, uid }, at(path))
    const fits = glob(pattern)
    const relative = (one: string): string => one.slice(top === '/' ? 1 : top.length + 1)
    const name = (one: string): string => (pattern.includes('/') ? relative(one) : one.slice(one.lastIndexOf('/') + 1))
    const names = shown(tree.below(uid, top, Infinity)).filter((one) => fits.test(name(one)))
    for (const some of batches(names.slice(0, limit))) await say(files.Names, some)
  }),
  on(files.Replace, async ({ tree, uid, at, say }, { paths, pattern, replacement, dryRun }) => {
    for (const path of paths) {
      const [skipped, count] = replaceIn({ tree, uid }, at(path), { pattern, replacement, dryRun })
      await say(files.Replaced, { path: at(path), replacements: BigInt(count), skipped })
    }
  }),
  on(files.Watch, async ({ tree, uid, at, say, signal }, request) => {
    const path = at(request.path)
    tree.must(uid, path)
    const prefix = path === '/' ? '/' : `${path}/`
    const concerns = (one: string): boolean =>
      one === path || (one.startsWith(prefix) && (request.recursive || !one.slice(prefix.length).includes('/')))
    const ended = Promise.withResolvers<void>()
    let said: Promise<void> = say(files.Started, null)
    const tell = (event: files.WatchEventKind, one: string): void => {
      if (isReserved(one)) return
      said = said.then(() => say(files.WatchEvent, { event, path: one })).catch(ended.reject)
    }
    const stop = tree.listen((event, one, from) => {
      if (concerns(one)) tell(event, one)
      else if (concerns(from)) tell('remove', from)
      if (!tree.node(path)) said = said.then(() => ended.reject(new Refusal('not_found', path)))
    })
    signal.addEventListener('abort', stop, { once: true })
    await ended.promise.finally(stop)
  }),
  on(files.Pack, async ({ tree, uid, at, data }, { path }) => {
    const top = directory({ tree, uid }, at(path))
    const entries = shown(tree.below(uid, top, Infinity)).flatMap((one) => {
      const node = tree.node(one)
      return node ? [{ ...node, name: one.slice(top === '/' ? 1 : top.length + 1) }] : []
    })
    await data(packTar(entries))
  }),
  on(files.Unpack, async ({ tree, uid, at, say, receive }, { path, conflict }) => {
    const top = at(path)
    if (conflict === 'error' && tree.node(top)) throw new Refusal('exists', top)
    const tar = await receive()
    if (!tar) return
    const entries = unpackTar(tar)
    if (conflict === 'replace' && tree.node(top)) tree.remove(uid, top)
    tree.makeDirs(uid, top)
    for (const { name, type, mode, bytes } of entries) {
      const to = at(`${top}/${name}`)
      tree.makeDirs(uid, type === 'dir' ? to : parentOf(to))
      if (type === 'dir') tree.chmod(uid, to, mode)
      else tree.write(uid, to, { bytes, mode })
    }
    const contents = entries.filter(({ type }) => type === 'file')
    await say(files.Unpacked, { bytes: BigInt(contents.reduce((sum, { bytes }) => sum + bytes.length, 0)), files: BigInt(contents.length) })
  }),
])

type Of = Pick<Helper, 'tree' | 'uid'>

function directory({ tree, uid }: Of, path: string): string {
  const node = tree.must(uid, path)
  if (node.type !== 'dir') throw new Refusal('not_directory', path)
  demand(uid, node, 4, path)
  return path
}

function file({ tree, uid }: Of, path: string) {
  const node = tree.must(uid, path)
  if (node.type === 'dir') throw new Refusal('is_directory', path)
  demand(uid, node, 4, path)
  return node
}

/** null: not a file of text, or not one that the user may read. */
function textOf(of: Of, path: string): string | null {
  try {
    const { bytes } = file(of, path)
    return bytes.includes(0) ? null : Buffer.from(bytes).toString()
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

function replaceIn(
  { tree, uid }: Of,
  path: string,
  { pattern, replacement, dryRun }: { readonly pattern: string; readonly replacement: string; readonly dryRun: boolean },
): [(typeof files.REPLACE_SKIPS)[number], number] {
  try {
    const { bytes } = file({ tree, uid }, path)
    if (bytes.includes(0)) return ['binary', 0]
    const parts = Buffer.from(bytes).toString().split(pattern)
    if (!dryRun && parts.length > 1) tree.write(uid, path, { bytes: Buffer.from(parts.join(replacement)), mode: 0 })
    return ['none', parts.length - 1]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { refusal } = error
    return [refusal === 'not_found' ? 'missing' : refusal === 'is_directory' ? 'not_a_file' : 'denied', 0]
  }
}

function expression(pattern: string): (line: string) => boolean {
  try {
    const fits = new RegExp(pattern)
    return (line) => fits.test(line)
  } catch {
    return (line) => line.includes(pattern)
  }
}

function glob(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) =>
    part === '**/' ? '(?:.*/)?' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part === '?' ? '[^/]' : `\\${part}`,
  )
  return new RegExp(`^${source}$`, 's')
}

function resolve(path: string, base: string, home: string): string {
  const whole = path === '~' || path.startsWith('~/') ? home + path.slice(1) : path.startsWith('/') ? path : `${base}/${path}`
  const names: string[] = []
  for (const name of whole.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return `/${names.join('/')}`
}

const isReserved = (path: string): boolean => path === RESERVED || path.startsWith(`${RESERVED}/`)
const shown = (paths: readonly string[]): string[] => paths.filter((path) => !isReserved(path))
function allowed(path: string): string {
  if (isReserved(path)) throw new Refusal('reserved', path)
  return path
}

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += BATCH) yield all.slice(at, at + BATCH)
}

function frame(kind: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + payload.length)
  head.writeUInt8(kind, 4)
  return Buffer.concat([head, payload])
}

/** null at the end of the input. */
function framesOf(read: () => Promise<Uint8Array | null>): () => Promise<{ kind: number; payload: Uint8Array } | null> {
  let buffer = Buffer.alloc(0)
  return async () => {
    while (buffer.length < 4 || buffer.length < 4 + buffer.readUInt32BE()) {
      const more = await read()
      if (more === null) return null
      buffer = Buffer.concat([buffer, more])
    }
    const end = 4 + buffer.readUInt32BE()
    const got = { kind: buffer.readUInt8(4), payload: buffer.subarray(5, end) }
    buffer = buffer.subarray(end)
    return got
  }
}
