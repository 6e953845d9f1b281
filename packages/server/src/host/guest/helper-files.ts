// Files of a guest by its file helpers: each call is one request, and what its answer may be. Whatever else comes ends the helper.

import type { Codec } from '@nullspace/guest-protocol/codec.ts'
import * as files from '@nullspace/guest-protocol/files.ts'
import type { Op } from '../../observe/op.ts'
import { figure } from './answers.ts'
import { FileCall, type FileRequest } from './file-call.ts'
import type { FileFrame } from './file-frames.ts'
import type { FilesAs } from './file-helper.ts'
import type { FileHelpers } from './file-helpers.ts'
import { upload } from './file-upload.ts'
import { watchFiles } from './file-watch.ts'
import { FileRefused, type GuestFiles, type ReplacedFile } from './guest-files.ts'

/** As long as any file may be, bytes. */
const TO_THE_END = BigInt(Number.MAX_SAFE_INTEGER)

type How = Partial<Pick<FileRequest, 'repeatable' | 'flows'>>
const ONCE: How = { repeatable: false }
const FLOWS: How = { flows: true }

export function helperFiles(helpers: FileHelpers, as: FilesAs): GuestFiles {
  const begin = async <T>(op: Op, codec: Codec<T>, message: T, how?: How): Promise<FileCall> =>
    FileCall.begin(op, helpers, as, requestOf(codec, message, how))

  return {
    stat: async (op, path, { follow }) => (await begin(op, files.Stat, { path, follow })).only(files.Entry),

    async *list(op, path, depth) {
      const call = await begin(op, files.List, { path, depth }, FLOWS)
      yield* parts(call, (frame) => call.read(files.Entries, frame))
    },

    async read(op, path, range) {
      const length = range?.length === undefined ? TO_THE_END : BigInt(range.length)
      const call = await begin(op, files.Read, { path, offset: BigInt(range?.offset ?? 0), length }, FLOWS)
      const entry = await call.expect(files.Entry)
      return { entry, bytes: begun(call, parts(call, dataOf(call, length))) }
    },

    async write(op, path, bytes, { append = false, mode = 0, exclusive = false } = {}) {
      const call = await begin(op, files.Write, { path, append, mode, exclusive }, FLOWS)
      await upload(call, bytes)
      return call.only(files.Entry)
    },

    makeDir: async (op, path) => (await begin(op, files.MakeDir, { path })).only(files.Entry),

    rename: async (op, from, to) => (await begin(op, files.Rename, { from, to }, ONCE)).only(files.Entry),

    remove: async (op, path) => (await begin(op, files.Remove, { path }, ONCE)).done(),

    chmod: async (op, path, mode) => (await begin(op, files.Chmod, { path, mode })).done(),

    async *find(op, path, pattern, limit) {
      const call = await begin(op, files.Find, { path, pattern, limit }, FLOWS)
      yield* parts(call, within(call, limit, files.Matches))
    },

    async *search(op, path, pattern, limit) {
      const call = await begin(op, files.Search, { path, pattern, limit }, FLOWS)
      yield* parts(call, within(call, limit, files.Names))
    },

    async replace(op, paths, { pattern, replacement, dryRun }) {
      const replaced: ReplacedFile[] = []
      for (const some of inRequests(paths, { pattern, replacement })) {
        const call = await begin(op, files.Replace, { paths: some, pattern, replacement, dryRun }, { repeatable: dryRun })
        for (const path of some) {
          const { replacements, skipped } = await call.expect(files.Replaced)
          // By the name it was asked by: the guest's own may be of any length.
          replaced.push({ path, replacements: figure(replacements), skipped })
        }
        await call.done()
      }
      return replaced
    },

    async watch(op, path, { recursive }, listener) {
      const call = await FileCall.keep(op, await helpers.takeOwn(op, as), requestOf(files.Watch, { path, recursive }, ONCE))
      return watchFiles(call, listener)
    },

    async pack(op, path) {
      const call = await begin(op, files.Pack, { path }, FLOWS)
      // A refusal is an answer of this call, and not of its bytes.
      const first = await call.next()
      return begun(call, parts(call, dataOf(call, TO_THE_END), first))
    },

    async unpack(op, path, conflict, tar) {
      const call = await begin(op, files.Unpack, { path, conflict }, FLOWS)
      await upload(call, tar)
      const { bytes, files: count } = await call.only(files.Unpacked)
      return { bytes: figure(bytes), files: figure(count) }
    },
  }
}

function requestOf<T>(codec: Codec<T>, message: T, { repeatable = true, flows = false }: How = {}): FileRequest {
  const payload = codec.encode(message)
  if (payload.length >= files.LONGEST_FRAME) throw new FileRefused('invalid', 'the request is too long')
  return { kind: codec.kind, payload, repeatable, flows }
}

/** What is left of the answer; its helper is ended when not all of it is taken. */
async function* parts<T>(call: FileCall, read: (frame: FileFrame) => T, first?: FileFrame | null): AsyncGenerator<T> {
  try {
    for (let frame = first === undefined ? await call.next() : first; frame; frame = await call.next()) yield read(frame)
  } finally {
    call.drop()
  }
}

/** An answer that holds its helper before anybody asks for a part of it: a return is heard then, too, and while it waits. */
function begun<T>(call: FileCall, answer: AsyncGenerator<T>): AsyncIterable<T> {
  const iterator: AsyncIterator<T> = {
    next: () => answer.next(),
    return: () => {
      call.drop()
      return answer.return(undefined)
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

function dataOf(call: FileCall, most: bigint): (frame: FileFrame) => Uint8Array {
  let left = most
  return ({ kind, payload }) => {
    if (kind !== files.DATA) throw call.breach(`it answers kind ${kind} out of turn`)
    left -= BigInt(payload.length)
    if (left < 0n) throw call.breach('it gives more than it was asked for')
    return payload
  }
}

function within<T>(call: FileCall, limit: number, codec: Codec<readonly T[]>): (frame: FileFrame) => readonly T[] {
  let left = limit
  return (frame) => {
    const some = call.read(codec, frame)
    left -= some.length
    if (left < 0) throw call.breach('it gives more than it was asked for')
    return some
  }
}

/** As many paths at a time as go into one frame with the rest. */
function* inRequests(paths: readonly string[], rest: { readonly pattern: string; readonly replacement: string }): Generator<string[]> {
  // A character is no more than 3 bytes, a path has its length (u32) in front of it, and the other fields a few bytes.
  const room = files.LONGEST_FRAME - Buffer.byteLength(rest.pattern) - Buffer.byteLength(rest.replacement) - 64
  let some: string[] = []
  let bytes = 0
  for (const path of paths) {
    const more = 4 + 3 * path.length
    if (some.length > 0 && bytes + more > room) {
      yield some
      some = []
      bytes = 0
    }
    some.push(path)
    bytes += more
  }
  if (some.length > 0) yield some
}
