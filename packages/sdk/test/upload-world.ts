// A daemon that takes uploads, and a directory to upload from.

import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError, type UploadErrorReason } from '@nullspace/contract/errors.ts'
import type { UploadSession } from '@nullspace/contract/uploads.ts'
import { expect } from 'vitest'
import { Client, Machine, type Files } from '../src/index.ts'
import { fakeDaemon, readAll, type FakeDaemon, type Seen } from './fake-daemon.ts'
import { fileInfoOf, uploadSession } from './file-samples.ts'
import { machine } from './samples.ts'

export interface UploadWorld extends AsyncDisposable {
  readonly daemon: FakeDaemon
  readonly files: Files
  /** How long was waited between tries, ms; no time passes. */
  readonly waits: number[]
  /** A path in the directory. */
  at(name: string): string
  /** Requests of one route. */
  seen(route: string): Seen[]
  /** From now on it keeps parts and checks them as a real daemon does. */
  uploads(over?: Partial<UploadSession>): Store
}

export interface Store {
  readonly parts: Map<number, Buffer>
  /** In the order of their coming. */
  readonly order: number[]
  session: UploadSession
  whole(): Buffer
  published: boolean
  /** Called before a part is kept. What it answers is the answer, and nothing is kept. */
  before: (number: number, time: number) => unknown
}

export async function uploadWorld(): Promise<UploadWorld> {
  const root = await mkdtemp(join(tmpdir(), 'nullspace-upload-test-'))
  const daemon = await fakeDaemon()
  const waits: number[] = []
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    waits.push(ms)
    signal?.throwIfAborted()
  }
  daemon.on({ createMachine: () => machine(), fileInfo: ({ body }) => fileInfoOf(body.path.replace(/^~/, '/root')) })
  const { files } = await Machine.create({ client: new Client({ apiKey: daemon.key, baseUrl: daemon.url, sleep }) })
  return {
    daemon,
    files,
    waits,
    at: (name) => join(root, name),
    seen: (route) => daemon.seen.filter((one) => one.route === route),
    uploads: (over = {}) => keepParts(daemon, over),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]()
      await rm(root, { recursive: true })
    },
  }
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

export const refuse = (reason: UploadErrorReason, over: object = {}): never => {
  throw new AppError('file_upload_error', { say: 'no', upload: { reason, retryable: false, upload_id: 'upl_1', ...over } })
}

export async function* once(...pieces: string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) yield Buffer.from(piece)
}

function keepParts(daemon: FakeDaemon, over: Partial<UploadSession>): Store {
  const times = new Map<number, number>()
  const store: Store = {
    parts: new Map(),
    order: [],
    session: uploadSession(over),
    whole: () => Buffer.concat([...store.parts].toSorted(([one], [other]) => one - other).map(([, bytes]) => bytes)),
    published: false,
    before: () => undefined,
  }
  const now = (): UploadSession => {
    const missing = Array.from({ length: store.session.part_count }, (_, number) => number).find((number) => !store.parts.has(number))
    const { next_part: _, ...session } = store.session
    return { ...session, accepted_bytes: store.whole().length, ...(missing === undefined ? {} : { next_part: missing }) }
  }
  daemon.on({
    createUploadSession({ body }) {
      const { content_length, kind, source_kind, target_path, conflict } = body
      const part_count = Math.ceil(content_length / store.session.part_size)
      store.session = { ...store.session, content_length, kind, source_kind, target_path, conflict, part_count }
      return { session: now() }
    },
    getUploadSession: () => now(),
    async uploadSessionPart({ params, headers, body }) {
      const number = Number(params.part_number)
      times.set(number, (times.get(number) ?? 0) + 1)
      const bytes = await readAll(body.bytes)
      const answer = await store.before(number, times.get(number) ?? 0)
      // Sound: tests answer what such a handler may.
      if (answer !== undefined) return answer as UploadSession
      expect(headers['x-nullspace-part-sha256']).toBe(sha256(bytes))
      expect(body.length).toBe(bytes.length)
      store.parts.set(number, bytes)
      store.order.push(number)
      return now()
    },
    completeUploadSession({ body }) {
      if (body.whole_checksum_sha256 && body.whole_checksum_sha256 !== sha256(store.whole())) refuse('whole_checksum_mismatch')
      store.published = true
      store.session = { ...store.session, status: 'completed' }
      return { session: now(), published_bytes: store.whole().length, published_file_count: 7 }
    },
    abortUploadSession: () => undefined,
  })
  return store
}
