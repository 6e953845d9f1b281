// The files of a fake guest: names and contents in its memory, with owners and modes. Nothing of them is on the host's disk.

import type { FileEntry, FileRefusal, WatchEventKind } from '@nullspace/guest-protocol/files.ts'

export interface SavedNode {
  readonly type: 'file' | 'dir'
  readonly mode: number
  readonly uid: number
  /** ms since the epoch. */
  readonly modifiedMs: number
  /** Base64; empty of a directory. */
  readonly content: string
}

export interface Node {
  readonly type: 'file' | 'dir'
  readonly mode: number
  readonly uid: number
  readonly modifiedMs: number
  readonly bytes: Uint8Array
}

export type Saved = Readonly<Record<string, SavedNode>>
/** `from`: of a rename. */
type Listener = (event: WatchEventKind, path: string, from: string) => void

/** What a request comes to when it cannot be done. */
export class Refusal extends Error {
  readonly refusal: FileRefusal
  constructor(refusal: FileRefusal, path: string) {
    super(`${path}: ${refusal.replaceAll('_', ' ')}`)
    this.refusal = refusal
  }
}

export const USERS: ReadonlyMap<string, { readonly uid: number; readonly home: string }> = new Map([
  ['', { uid: 0, home: '/root' }],
  ['root', { uid: 0, home: '/root' }],
  ['user', { uid: 1000, home: '/home/user' }],
])
const NAMES: Readonly<Record<number, string>> = { 0: 'root', 1000: 'user' }

const directory = (mode: number, uid = 0): SavedNode => ({ type: 'dir', mode, uid, modifiedMs: 0, content: '' })
export const FRESH_FILES: Saved = {
  '/': directory(0o755),
  '/etc': directory(0o755),
  '/home': directory(0o755),
  '/home/user': directory(0o700, 1000),
  '/root': directory(0o700),
  '/tmp': directory(0o1777),
  '/usr': directory(0o755),
  '/var': directory(0o755),
  '/workspace': directory(0o777),
}
const NOTHING = new Uint8Array(0)

export class FakeTree {
  readonly #nodes = new Map<string, Node>()
  readonly #listeners = new Set<Listener>()

  constructor(saved: Saved) {
    for (const [path, { content, ...node }] of Object.entries(saved))
      this.#nodes.set(path, { ...node, bytes: Buffer.from(content, 'base64') })
  }

  save(): Saved {
    const saved = [...this.#nodes].map(([path, { bytes, ...node }]) => [path, { ...node, content: Buffer.from(bytes).toString('base64') }])
    return Object.fromEntries(saved) as Saved
  }

  /** Bytes of all files. */
  get used(): number {
    let sum = 0
    for (const { bytes } of this.#nodes.values()) sum += bytes.length
    return sum
  }

  /** The text of a file, as a program of root has it. */
  get(path: string): string | undefined {
    const node = this.#nodes.get(path)
    return node?.type === 'file' ? Buffer.from(node.bytes).toString() : undefined
  }

  /** Written by a program of root, with the directories above it. */
  set(path: string, text: string): void {
    this.makeDirs(0, parentOf(path))
    this.write(0, path, { bytes: Buffer.from(text), mode: 0 })
  }

  node(path: string): Node | undefined {
    return this.#nodes.get(path)
  }

  isDirectory(path: string): boolean {
    return this.#nodes.get(path)?.type === 'dir'
  }

  /** What is at a path, for a user who may walk there; null: nothing, in a directory that is there. */
  find(uid: number, path: string): Node | null {
    for (const above of aboveOf(path)) {
      const node = this.#nodes.get(above)
      if (!node) throw new Refusal('not_found', path)
      if (node.type !== 'dir') throw new Refusal('not_directory', path)
      demand(uid, node, 1, path)
    }
    return this.#nodes.get(path) ?? null
  }

  must(uid: number, path: string): Node {
    const node = this.find(uid, path)
    if (!node) throw new Refusal('not_found', path)
    return node
  }

  /** Below a directory, in the order of their paths, without what the user may not see. Depth 1: what is in it. */
  below(uid: number, top: string, depth: number): string[] {
    const prefix = top === '/' ? '/' : `${top}/`
    const paths = [...this.#nodes.keys()].filter((path) => path !== '/' && path.startsWith(prefix))
    const seen = (path: string): boolean => aboveOf(path).every((above) => above.length <= top.length || this.#sees(uid, above))
    return paths.filter((path) => path.slice(prefix.length).split('/').length <= depth && seen(path)).toSorted()
  }

  entry(path: string): FileEntry {
    const node = this.#nodes.get(path)
    if (!node) throw new Refusal('not_found', path)
    const { type, mode, uid, modifiedMs, bytes } = node
    const owner = NAMES[uid] ?? ''
    const size = BigInt(type === 'dir' ? 4096 : bytes.length)
    return { path, type, size, mode, uid, gid: uid, owner, group: owner, modifiedNs: BigInt(modifiedMs) * 1_000_000n, target: '' }
  }

  /** `mode` 0: as the file had, or 0644. */
  write(uid: number, path: string, { bytes, mode }: { readonly bytes: Uint8Array; readonly mode: number }): void {
    const before = this.find(uid, path)
    if (before?.type === 'dir') throw new Refusal('is_directory', path)
    if (before) demand(uid, before, 2, path)
    else this.#demandParent(uid, path)
    this.#put(path, { type: 'file', mode: mode & 0o7777 || (before?.mode ?? 0o644), uid: before?.uid ?? uid, bytes })
    this.#tell(before ? 'write' : 'create', path)
  }

  makeDirs(uid: number, path: string): void {
    for (const one of [...aboveOf(path), path]) {
      const node = this.#nodes.get(one)
      if (node?.type === 'file') throw new Refusal('not_directory', one)
      if (node) continue
      this.#demandParent(uid, one)
      this.#put(one, { type: 'dir', mode: 0o755, uid, bytes: NOTHING })
      this.#tell('create', one)
    }
  }

  rename(uid: number, from: string, to: string): void {
    const [source, target] = [this.must(uid, from), this.find(uid, to)]
    if (to === from) return
    if (from === '/' || to.startsWith(`${from}/`)) throw new Refusal('invalid', to)
    if (target && target.type !== source.type) throw new Refusal(target.type === 'dir' ? 'is_directory' : 'not_directory', to)
    if (target && this.below(0, to, 1).length > 0) throw new Refusal('not_empty', to)
    this.#demandParent(uid, from)
    this.#demandParent(uid, to)
    for (const path of [from, ...this.below(0, from, Infinity)]) {
      const node = this.#nodes.get(path)
      if (node) this.#nodes.set(to + path.slice(from.length), node)
      this.#nodes.delete(path)
    }
    this.#tell('rename', to, from)
  }

  remove(uid: number, path: string): void {
    this.must(uid, path)
    if (path === '/') throw new Refusal('invalid', path)
    this.#demandParent(uid, path)
    for (const one of [...this.below(0, path, Infinity).toReversed(), path]) {
      this.#nodes.delete(one)
      this.#tell('remove', one)
    }
  }

  chmod(uid: number, path: string, mode: number): void {
    const node = this.must(uid, path)
    if (uid !== 0 && uid !== node.uid) throw new Refusal('permission_denied', path)
    this.#nodes.set(path, { ...node, mode: mode & 0o7777 })
    this.#tell('chmod', path)
  }

  /** Hears of every change from now on. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #sees(uid: number, path: string): boolean {
    const node = this.#nodes.get(path)
    return node !== undefined && may(uid, node, 5)
  }

  #demandParent(uid: number, path: string): void {
    const parent = this.must(uid, parentOf(path))
    if (parent.type !== 'dir') throw new Refusal('not_directory', path)
    demand(uid, parent, 3, path)
  }

  #put(path: string, node: Omit<Node, 'modifiedMs'>): void {
    this.#nodes.set(path, { ...node, modifiedMs: Date.now() })
  }

  #tell(event: WatchEventKind, path: string, from = ''): void {
    for (const listener of this.#listeners) listener(event, path, from)
  }
}

export function demand(uid: number, node: Node, bits: number, path: string): void {
  if (!may(uid, node, bits)) throw new Refusal('permission_denied', path)
}

/** `bits`: 4 read, 2 write, 1 walk through. */
function may(uid: number, { uid: owner, mode }: Node, bits: number): boolean {
  return uid === 0 || ((owner === uid ? mode >> 6 : mode) & bits) === bits
}

export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')))

/** Of `/a/b/c`: `/`, `/a`, `/a/b`. */
function aboveOf(path: string): string[] {
  if (path === '/') return []
  const names = path.split('/').slice(1, -1)
  return ['/', ...names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)]
}
