// Where uploads are tested. The files of the guest are held in the test's hands: what is wanted here is what the daemon
// keeps, checks and promises; how a guest puts files in place is examined with the guest.

import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UPLOAD_LIMITS, UploadSession } from '@nullspace/contract/uploads.ts'
import { afterEach, beforeEach, expect } from 'vitest'
import { FileRefused, type FileRefusal, type GuestFiles } from '../src/host/guest/guest-files.ts'
import type { Guest } from '../src/host/guest/guest.ts'
import type { Host } from '../src/host/host.ts'
import { uploads } from '../src/reconcilers/uploads.ts'
import { type Answer, createWorld, type World } from './world.ts'

export const PART = UPLOAD_LIMITS.partBytes
export const GIB = 1024 ** 3
/** Uploads end before it does. */
const LASTING = { timeout_ms: 20 * 24 * 3_600_000, timeout_action: 'hibernate' }

interface FilesAs {
  readonly user: string
  readonly base: string
}

interface HeldFiles {
  readonly contents: Map<string, Buffer>
  /** Who asked, and from where. */
  readonly asked: FilesAs[]
  refuse: FileRefusal | null
  /** Before anything is in place, and after it. */
  before: () => Promise<void>
  after: () => Promise<void>
}

/** As the published client writes it. */
export const FILE = {
  kind: 'file',
  source_kind: 'restartable_file',
  target_path: '/workspace/big.bin',
  conflict: 'replace',
  archive_format: null,
  checksum_algorithm: 'sha256',
  whole_checksum_sha256: null,
  metadata: {},
}

export const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const reason = ({ body }: Answer): string | undefined => body?.error_detail?.reason ?? body?.code
export const never = (): Promise<never> => new Promise(() => {})

/** Call it once per file. Each test has a world of its own, with one machine that lasts. */
export function useUploads() {
  let world: World
  let machine: string
  let held: HeldFiles
  beforeEach(async () => {
    world = await createWorld()
    machine = (await world.machine({ ...LASTING, auto_resume: true })).id
    held = { contents: new Map(), asked: [], refuse: null, before: async () => {}, after: async () => {} }
    hold(world, held)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const path = (rest = ''): string => `/v1/machines/${machine}/uploads${rest}`

  async function create(length: number, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return world.call('POST', path(), { body: { ...FILE, content_length: length, ...more }, headers })
  }
  async function created(length: number, more: Record<string, unknown> = {}): Promise<UploadSession> {
    const { status, body } = await create(length, more)
    expect([status, body]).toEqual([200, { session: expect.anything() }])
    return UploadSession.strict().parse(body.session)
  }
  async function put(id: string, part: number | string, bytes: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await world.daemon.http.inject({
      method: 'PUT',
      url: path(`/${id}/parts/${part}`),
      headers: { authorization: `Bearer ${world.key.key}`, 'content-type': 'application/octet-stream', ...headers },
      payload: Buffer.from(bytes),
    })
    return { status: answer.statusCode, body: JSON.parse(answer.body), headers: answer.headers }
  }
  const get = async (id: string): Promise<UploadSession> => (await world.call('GET', path(`/${id}`))).body
  const abort = (id: string): Promise<Answer> => world.call('DELETE', path(`/${id}`))
  const complete = (id: string, sum: string | null = null, key?: string): Promise<Answer> =>
    world.call('POST', path(`/${id}/complete`), {
      body: { whole_checksum_sha256: sum },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })

  /** The session with all of these bytes sent. */
  async function sent(bytes: Uint8Array, more: Record<string, unknown> = {}): Promise<string> {
    const { upload_id: id, part_size, part_count } = await created(bytes.length, more)
    for (let part = 0; part < part_count; part++) {
      expect((await put(id, part, bytes.subarray(part * part_size, (part + 1) * part_size))).status).toBe(200)
    }
    return id
  }
  /** With small parts, which the daemon would never choose. */
  async function inPartsOf(size: number, length: number, more: Record<string, unknown> = {}): Promise<string> {
    const { upload_id } = await created(length, more)
    await world.db.updateTable('uploads').set({ part_size: size }).where('id', '=', upload_id).execute()
    return upload_id
  }
  const staged = (): Promise<string[]> => readdir(join(world.places.pool, 'uploads'))

  async function restart(): Promise<void> {
    await world.restart()
    hold(world, held)
  }
  /** What no caller does, but time. */
  const look = (): Promise<void> => uploads(world.daemon.app).run()

  return {
    get world(): World {
      return world
    },
    get machine(): string {
      return machine
    },
    /** From now on it is about this one. */
    set machine(id: string) {
      machine = id
    },
    get held(): HeldFiles {
      return held
    },
    ...{ path, create, created, put, get, abort, complete, sent, inPartsOf, staged, restart, look },
  }
}

/** To be repeated for each life of the daemon. */
function hold({ daemon: { app } }: World, held: HeldFiles): void {
  const guestOf = (guest: Guest): Guest =>
    new Proxy(guest, { get: (target, name) => (name === 'files' ? (as: FilesAs) => filesOf(held, as) : bound(target, name)) })
  const host = new Proxy(app.host, {
    get: (target: Host, name: keyof Host) =>
      name === 'guest'
        ? (id: string) => {
            const guest = target.guest(id)
            return guest && guestOf(guest)
          }
        : bound(target, name),
  })
  Object.assign(app, { host })
}

function bound<T extends object>(target: T, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target)
  return typeof value === 'function' ? value.bind(target) : value
}

function filesOf(held: HeldFiles, as: FilesAs): GuestFiles {
  held.asked.push(as)
  const put = async (path: string, bytes: AsyncIterable<Uint8Array>, exclusive: boolean): Promise<Buffer> => {
    if (held.refuse) throw new FileRefused(held.refuse, 'the guest says no')
    if (exclusive && held.contents.has(path)) throw new FileRefused('exists', `${path} exists`)
    const pieces: Uint8Array[] = []
    for await (const piece of bytes) pieces.push(piece)
    await held.before()
    held.contents.set(path, Buffer.concat(pieces))
    await held.after()
    return Buffer.concat(pieces)
  }
  const files: Pick<GuestFiles, 'write' | 'unpack' | 'read'> = {
    write: async (_op, path, bytes, options) => ({
      ...ENTRY,
      size: BigInt((await put(path, bytes as AsyncIterable<Uint8Array>, options?.exclusive === true)).length),
    }),
    unpack: async (_op, path, conflict, tar) => ({
      bytes: (await put(path, tar as AsyncIterable<Uint8Array>, conflict === 'error')).length,
      files: 3,
    }),
    read: async (_op, path) => {
      const bytes = held.contents.get(path) ?? Buffer.alloc(0)
      return { entry: { ...ENTRY, size: BigInt(bytes.length) }, bytes: each([bytes]) }
    },
  }
  return files as GuestFiles
}

const ENTRY = { path: '', type: 'file', size: 0n, mode: 0o644, uid: 0, gid: 0, owner: '', group: '', modifiedNs: 0n, target: '' } as const

export async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
