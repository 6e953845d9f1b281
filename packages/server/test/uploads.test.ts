// Uploads that survive a cut. The files of the guest are held in the test's hands: what is wanted here is what the daemon
// keeps, checks and promises; how a guest puts files in place is examined with the guest.

import { createHash, randomBytes } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import fc from 'fast-check'
import { until } from '@nullspace/vmm/exam/until.ts'
import { UPLOAD_LIMITS, UploadSession } from '@nullspace/contract/uploads.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { uploadPart } from '../src/app/uploads-parts.ts'
import { authenticate } from '../src/app/keys.ts'
import { FileRefused, type FileRefusal, type GuestFiles } from '../src/host/guest/guest-files.ts'
import type { Guest } from '../src/host/guest/guest.ts'
import type { Host } from '../src/host/host.ts'
import { uploads } from '../src/reconcilers/uploads.ts'
import { type Answer, createWorld, type World } from './world.ts'

const PART = UPLOAD_LIMITS.partBytes
const GIB = 1024 ** 3
/** Uploads end before it does. */
const LASTING = { timeout_ms: 20 * 24 * 3_600_000, timeout_action: 'hibernate' }

interface HeldFiles {
  readonly contents: Map<string, Buffer>
  /** Who asked, and from where. */
  readonly asked: { user: string; base: string }[]
  refuse: FileRefusal | null
  /** Before anything is in place, and after it. */
  before: () => Promise<void>
  after: () => Promise<void>
}

let world: World
let machine: string
let held: HeldFiles
beforeEach(async () => {
  world = await createWorld()
  machine = (await world.machine({ ...LASTING, auto_resume: true })).id
  held = { contents: new Map(), asked: [], refuse: null, before: async () => {}, after: async () => {} }
  hold()
})
afterEach(() => world[Symbol.asyncDispose]())

/** To be repeated for each life of the daemon. */
function hold(): void {
  const { app } = world.daemon
  const guestOf = (guest: Guest): Guest => new Proxy(guest, { get: (target, name) => (name === 'files' ? filesOf : bound(target, name)) })
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

function filesOf(as: { user: string; base: string }): GuestFiles {
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

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const path = (rest = ''): string => `/v1/machines/${machine}/uploads${rest}`

/** As the published client writes it. */
const FILE = {
  kind: 'file',
  source_kind: 'restartable_file',
  target_path: '/workspace/big.bin',
  conflict: 'replace',
  archive_format: null,
  checksum_algorithm: 'sha256',
  whole_checksum_sha256: null,
  metadata: {},
}

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
const reason = ({ body }: Answer): string | undefined => body?.error_detail?.reason ?? body?.code

async function restart(): Promise<void> {
  await world.restart()
  hold()
}
/** What no caller does, but time. */
const look = (): Promise<void> => uploads(world.daemon.app).run()
const never = (): Promise<never> => new Promise(() => {})

describe('a session', () => {
  test('says how it wants its parts, and nothing else than the published client knows', async () => {
    const session = await created(2 * PART + 1, { user: 'root', whole_checksum_sha256: 'A'.repeat(64) })
    const now = new Date(world.clock.now()).toISOString()
    expect(session).toEqual({
      upload_id: expect.stringMatching(/^upload_[a-z2-7]{20}$/),
      kind: 'file',
      source_kind: 'restartable_file',
      target_path: '/workspace/big.bin',
      content_length: 2 * PART + 1,
      accepted_bytes: 0,
      reserved_staging_bytes: 2 * PART + 1,
      part_size: PART,
      part_count: 3,
      max_concurrency: 4,
      status: 'created',
      conflict: 'replace',
      checksum_algorithm: 'sha256',
      limits: { max_upload_bytes: 8 * GIB, max_part_bytes: PART, max_concurrency: 4, machine_staging_quota_bytes: 16 * GIB },
      created_at: now,
      updated_at: now,
      expires_at: new Date(world.clock.now() + UPLOAD_LIMITS.expiresMs).toISOString(),
      user: 'root',
      next_part: 0,
      whole_checksum_sha256: 'a'.repeat(64),
    })
    expect(await get(session.upload_id)).toEqual(session)
    const tar = await created(100, { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar' })
    expect(tar).toMatchObject({ part_size: 100, part_count: 1, archive_format: 'tar' })
    expect(Object.keys(tar)).not.toEqual(expect.arrayContaining(['user']))
    expect(await created(PART)).toMatchObject({ part_size: PART, part_count: 1 })
  })

  test.each([
    ['a target that is reserved', { target_path: '/workspace/x/../.nullspace/y' }, 'target_path'],
    ['NUL in its target', { target_path: '/a\0b' }, 'target_path'],
    ['less than nothing', { content_length: -1 }, 'content_length'],
    ['a part of a byte', { content_length: 1.5 }, 'content_length'],
    ['another checksum', { checksum_algorithm: 'md5' }, 'checksum_algorithm'],
    ['no checksum', { whole_checksum_sha256: 'x' }, 'whole_checksum_sha256'],
    ['an archive that is a file', { archive_format: 'tar' }, 'archive_format'],
    ['what nobody knows', { part_size: 5 }, 'part_size'],
  ])('is refused with %s', async (_what, more, field) => {
    expect(await create(1, more)).toMatchObject({ status: 400, body: { code: 'invalid_request', details: { field } } })
  })

  test('is its owner’s, and its machine’s', async () => {
    const id = await sent(randomBytes(10))
    const { key } = await world.otherOwner()
    const others = (await world.call('POST', '/v1/machines', { body: {}, key })).body.id
    const mine = (await world.machine()).id
    const requests = (of: string) =>
      [
        ['GET', `/v1/machines/${of}/uploads/${id}`],
        ['DELETE', `/v1/machines/${of}/uploads/${id}`],
        ['POST', `/v1/machines/${of}/uploads/${id}/complete`],
        ['PUT', `/v1/machines/${of}/uploads/${id}/parts/0`],
      ] as const
    for (const [of, by, code] of [
      [machine, key, 'machine_not_found'],
      [others, key, 'upload_not_found'],
      [mine, world.key.key, 'upload_not_found'],
    ] as const) {
      for (const [method, url] of requests(of)) {
        const answer = await world.call(method, url, { key: by, ...(method === 'POST' ? { body: {} } : {}) })
        expect([method, answer.status, answer.body.code]).toEqual([method, 404, code])
      }
    }
    expect((await world.call('POST', path(), { body: { ...FILE, content_length: 1 }, key })).body.code).toBe('machine_not_found')
    expect((await get(id)).status).toBe('staged')
  })

  test('of one key is one, whoever comes first, and not for another request', async () => {
    const key = { 'idempotency-key': 'once' }
    const all = await Promise.all([create(5, {}, key), create(5, {}, key), create(5, {}, key)])
    all.push(await create(5, {}, key))
    await restart()
    all.push(await create(5, {}, key))
    expect(new Set(all.map(({ body }) => body.session.upload_id)).size).toBe(1)
    expect((await create(6, {}, key)).body.code).toBe('idempotency_conflict')
    expect((await complete(all[0]?.body.session.upload_id, null, 'once')).body.code).toBe('idempotency_conflict')
  })
})

describe('what a machine and a host have room for', () => {
  const full = { status: 409, body: { code: 'file_upload_error', error_detail: { upload_id: expect.stringMatching(/^upload_/) } } }

  test('an upload may be so large', async () => {
    world.room.freeDiskMb = 1024 * 1024
    expect(await create(8 * GIB + 1)).toMatchObject(full)
    expect(reason(await create(8 * GIB + 1))).toBe('size_limit_exceeded')
    expect((await create(8 * GIB)).status).toBe(200)
  })

  test('what is promised to others counts, until they are over', async () => {
    world.room.freeDiskMb = 1024 * 1024
    const [one] = [await created(8 * GIB), await created(8 * GIB)]
    const refused = await create(1)
    expect(refused).toMatchObject(full)
    expect([reason(refused), refused.body.error_detail.retryable]).toEqual(['insufficient_staging_space', true])
    expect((await create(0)).status).toBe(200)
    expect((await abort(one.upload_id)).status).toBe(204)
    expect((await create(1)).status).toBe(200)
    expect((await get(one.upload_id)).reserved_staging_bytes).toBe(0)
  })

  test('the host keeps some of its disk, and what is still to come is promised', async () => {
    const other = (await world.machine()).id
    world.room.freeDiskMb = 1024 + 10
    const bytes = randomBytes(6 * 1024 * 1024)
    const { upload_id: id } = await created(bytes.length)
    const elsewhere = (length: number) => world.call('POST', `/v1/machines/${other}/uploads`, { body: { ...FILE, content_length: length } })
    expect(reason(await elsewhere(4 * 1024 * 1024 + 1))).toBe('insufficient_staging_space')
    expect((await put(id, 0, bytes)).status).toBe(200)
    // What is there is not free any more.
    world.room.freeDiskMb = 1024 + 4
    expect(reason(await elsewhere(4 * 1024 * 1024 + 1))).toBe('insufficient_staging_space')
    expect((await elsewhere(4 * 1024 * 1024)).status).toBe(200)
  })

  test('two at once do not both get the last of it', async () => {
    world.room.freeDiskMb = 1024 + 10
    const answers = await Promise.all([create(7 * 1024 * 1024), create(7 * 1024 * 1024)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })

  test('a disk that is full says so, and the part can be sent again', async () => {
    const { upload_id: id } = await created(3)
    world.hostFaults.stagePart = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    const refused = await put(id, 0, Buffer.from('abc'))
    expect(refused.body.error_detail).toMatchObject({ reason: 'insufficient_staging_space', retryable: true, upload_id: id })
    delete world.hostFaults.stagePart
    expect((await put(id, 0, Buffer.from('abc'))).body.status).toBe('staged')
  })
})

describe('parts', () => {
  test('come in any order, again, and are all there in the end', async () => {
    const bytes = randomBytes(2 * PART + 5)
    const { upload_id: id } = await created(bytes.length)
    const cut = (part: number): Buffer => bytes.subarray(part * PART, (part + 1) * PART)
    expect((await put(id, 2, cut(2))).body).toMatchObject({ status: 'uploading', next_part: 0, accepted_bytes: 5 })
    expect((await put(id, 0, cut(0))).body).toMatchObject({ next_part: 1, accepted_bytes: PART + 5 })
    expect((await put(id, 0, randomBytes(PART))).body.accepted_bytes).toBe(PART + 5)
    const last = (await put(id, 1, cut(1), { 'x-nullspace-part-sha256': sha(cut(1)).toUpperCase() })).body
    expect(last.status).toBe('staged')
    expect(Object.keys(last)).not.toContain('next_part')
    // One of them was another's: the whole tells.
    expect(reason(await complete(id, sha(bytes)))).toBe('whole_checksum_mismatch')
    expect(held.contents.size).toBe(0)
    await put(id, 0, cut(0))
    const files = await readdir(join(world.places.pool, 'uploads', id))
    expect(files.map((name) => name.split('-')[0]).toSorted()).toEqual(['0', '1', '2'])
    for (const name of [id, ...files.map((file) => join(id, file))]) {
      expect((await stat(join(world.places.pool, 'uploads', name))).mode & 0o077).toBe(0)
    }
    expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length, published_file_count: 1 })
    expect(held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
  })

  test('that are not what they should be are refused, and nothing of them stays', async () => {
    const { upload_id: id } = await created(PART + 3)
    const refused = async (part: number, bytes: Uint8Array, headers?: Record<string, string>) => {
      const { status, body } = await put(id, part, bytes, headers)
      expect(body.error_detail).toMatchObject({ upload_id: id, part_number: part, message: body.error })
      return [status, body.code, body.error_detail.reason, body.error_detail.retryable]
    }
    const good = Buffer.from('abc')
    expect(await refused(2, good)).toEqual([409, 'file_upload_error', 'part_out_of_range', false])
    expect(await refused(1, Buffer.from('abcd'))).toEqual([409, 'file_upload_error', 'part_size_mismatch', false])
    expect(await refused(0, good)).toEqual([409, 'file_upload_error', 'part_size_mismatch', false])
    expect(await refused(1, good, { 'x-nullspace-part-sha256': sha(Buffer.from('abd')) })).toEqual([
      409,
      'file_upload_error',
      'invalid_part_checksum',
      true,
    ])
    expect((await put(id, 1, good, { 'x-nullspace-part-sha256': 'short' })).body.code).toBe('invalid_request')
    for (const part of ['-1', '1.5', 'x']) expect((await put(id, part, good)).body.code).toBe('invalid_request')
    expect((await get(id)).accepted_bytes).toBe(0)
    expect(await readdir(join(world.places.pool, 'uploads', id))).toEqual([])
  })

  test('without a length are measured as they come', async () => {
    const { upload_id: id } = await created(4)
    const principal = await authenticate(world.daemon.app, `Bearer ${world.key.key}`)
    const send = (...chunks: string[]) =>
      uploadPart(world.daemon.app, principal, machine, id, {
        number: 0,
        sha256: undefined,
        body: { bytes: each(chunks.map((chunk) => Buffer.from(chunk))), length: undefined },
      })
    for (const chunks of [['abc'], ['ab', 'cde'], []]) {
      await expect(send(...chunks)).rejects.toMatchObject({ upload: { reason: 'part_size_mismatch' } })
    }
    expect((await send('ab', '', 'cd')).status).toBe('staged')
  })

  test('that are cut off leave nothing, and can be sent again', async () => {
    const { upload_id: id } = await created(10)
    const url = await world.listen()
    const cut = request(`${url}${path(`/${id}/parts/0`)}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${world.key.key}`, 'content-length': 10 },
    })
    cut.on('error', () => {})
    cut.write('abc')
    const dir = join(world.places.pool, 'uploads', id)
    const files = (): Promise<string[]> => readdir(dir).catch(() => [])
    await until(files, (names) => names.length === 1)
    cut.destroy()
    await until(files, (names) => names.length === 0)
    expect((await put(id, 0, randomBytes(10))).body.status).toBe('staged')
  })

  test('come four at a time; others wait, and one that is sent twice at once is one', async () => {
    const id = await inPartsOf(2, 12)
    const principal = await authenticate(world.daemon.app, `Bearer ${world.key.key}`)
    let begun = 0
    const go = Promise.withResolvers<void>()
    async function* slowly(text: string): AsyncGenerator<Uint8Array> {
      begun++
      await go.promise
      yield Buffer.from(text)
    }
    const parts = [0, 1, 2, 3, 4, 5, 5, 5].map((number) =>
      uploadPart(world.daemon.app, principal, machine, id, {
        number,
        sha256: undefined,
        body: { bytes: slowly(`${number}.`), length: 2 },
      }),
    )
    await until(
      () => begun,
      (count) => count === 4,
    )
    // A look at the disk takes longer than a fifth would have.
    await readdir(join(world.places.pool, 'uploads', id))
    expect(begun).toBe(4)
    go.resolve()
    await Promise.all(parts)
    expect(begun).toBe(8)
    expect((await readdir(join(world.places.pool, 'uploads', id))).length).toBe(6)
    await complete(id)
    expect(String(held.contents.get('/workspace/big.bin'))).toBe('0.1.2.3.4.5.')
  })

  test('of nothing: an empty one, or none', async () => {
    for (const empty of [true, false]) {
      const session = await created(0, { target_path: `/workspace/empty-${empty}` })
      expect(session).toMatchObject({ part_size: 1, part_count: 0, status: 'staged' })
      const { upload_id: id } = session
      if (empty) expect((await put(id, 0, Buffer.alloc(0), { 'x-nullspace-part-sha256': sha(Buffer.alloc(0)) })).status).toBe(200)
      expect(reason(await put(id, 1, Buffer.alloc(0)))).toBe('part_out_of_range')
      expect((await complete(id, sha(Buffer.alloc(0)))).body).toMatchObject({ published_bytes: 0, published_file_count: 1 })
      expect(held.contents.get(`/workspace/empty-${empty}`)?.length).toBe(0)
    }
  })

  test('whatever their sizes and their order, the whole is what was sent', async () => {
    const run = fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 25 }),
      fc.array(fc.nat(80), { maxLength: 12 }),
      async (bytes, size, order) => {
        const id = await inPartsOf(size, bytes.length, { target_path: '/workspace/any' })
        const count = Math.ceil(bytes.length / size)
        const cut = (part: number): Uint8Array => bytes.subarray(part * size, (part + 1) * size)
        // Some of them, some twice, some at once; then a resume as the published client does it.
        await Promise.all(order.filter((part) => part < count).map((part) => put(id, part, cut(part))))
        const { next_part = count, accepted_bytes } = await get(id)
        const have = new Set(order.filter((part) => part < count))
        expect(accepted_bytes).toBe([...have].reduce((sum, part) => sum + cut(part).length, 0))
        expect(have.has(next_part)).toBe(false)
        if (next_part < count) expect(reason(await complete(id))).toBe('missing_parts')
        for (let part = next_part; part < count; part++) expect((await put(id, part, cut(part))).status).toBe(200)
        expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length })
        expect(held.contents.get('/workspace/any')?.equals(bytes)).toBe(true)
      },
    )
    await fc.assert(run, { numRuns: 25 })
    expect(await staged()).toEqual([])
  })
})

describe('a daemon that dies', () => {
  test('keeps every part that it acknowledged, and a resume sends the rest', async () => {
    const bytes = randomBytes(30)
    const id = await inPartsOf(10, bytes.length)
    await put(id, 0, bytes.subarray(0, 10))
    await put(id, 2, bytes.subarray(20))
    const before = await get(id)
    // One is on the disk, and was not acknowledged.
    const dir = join(world.places.pool, 'uploads', id)
    await writeFile(join(dir, '1-0000000000000000'), 'x')
    await restart()
    expect(await get(id)).toEqual(before)
    expect(before).toMatchObject({ status: 'uploading', next_part: 1, accepted_bytes: 20 })
    await put(id, 1, bytes.subarray(10, 20))
    expect((await complete(id, sha(bytes))).status).toBe(200)
    expect(held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
    expect(await staged()).toEqual([])
  })

  test.each([
    ['before the file is in place', 'before', 'replace'],
    ['after it, and before anybody knew', 'after', 'replace'],
    ['before the file is in place, where none may be', 'before', 'error'],
    ['after it, where none may be', 'after', 'error'],
  ] as const)('while one is completed, %s: the same request completes it', async (_what, when, conflict) => {
    const bytes = randomBytes(100)
    const id = await sent(bytes, { conflict })
    const reached = Promise.withResolvers<void>()
    held[when] = () => {
      reached.resolve()
      return never()
    }
    void complete(id, sha(bytes), 'the-end')
    await reached.promise
    expect((await get(id)).status).toBe('completing')
    await restart()
    held.before = held.after = async () => {}
    expect(await get(id)).toMatchObject({ status: 'staged', accepted_bytes: 100 })
    const { status, body } = await complete(id, sha(bytes), 'the-end')
    expect([status, body.published_bytes, body.published_file_count, body.session.status]).toEqual([200, 100, 1, 'completed'])
    expect(held.contents.get('/workspace/big.bin')?.equals(bytes)).toBe(true)
  })

  test('another file that came into the way meanwhile is not taken for it', async () => {
    const id = await sent(Buffer.from('mine'), { conflict: 'error' })
    const reached = Promise.withResolvers<void>()
    held.before = () => {
      reached.resolve()
      return never()
    }
    void complete(id)
    await reached.promise
    await restart()
    held.contents.set('/workspace/big.bin', Buffer.from('his.'))
    expect(reason(await complete(id))).toBe('target_conflict')
  })

  test('what it left of those that are over is a leftover', async () => {
    const [kept, over] = [await sent(Buffer.from('abc')), await sent(Buffer.from('abc'))]
    world.hostFaults.dropStaged = never
    void abort(over)
    await until(
      () => get(over),
      ({ status }) => status === 'aborted',
    )
    await writeFile(join(world.places.pool, 'uploads', 'nobodys'), 'x'.repeat(5000))
    const { key } = await world.operator()
    const { body } = await world.call('POST', '/v1/host/gc', { body: { dry_run: true }, key })
    const found = body.items.map(({ kind, name, bytes }: { kind: string; name: string; bytes: number }) => [kind, name, bytes > 0])
    expect(found.toSorted()).toEqual([
      ['upload', 'nobodys', false],
      ['upload', over, true],
    ])
    delete world.hostFaults.dropStaged
    await restart()
    expect(await staged()).toEqual([kept])
  })
})

describe('the end', () => {
  test('is checked: nothing is in place before all of it is right', async () => {
    const bytes = randomBytes(20)
    const id = await inPartsOf(10, 20, { whole_checksum_sha256: sha(bytes) })
    await put(id, 1, bytes.subarray(10))
    const missing = await complete(id)
    expect(missing.body.error_detail).toEqual({
      reason: 'missing_parts',
      message: expect.stringContaining('Part 0'),
      retryable: true,
      upload_id: id,
      part_number: 0,
    })
    await put(id, 0, randomBytes(10))
    // What was said at the begin binds as well.
    expect(reason(await complete(id))).toBe('whole_checksum_mismatch')
    expect(reason(await complete(id, sha(randomBytes(1))))).toBe('whole_checksum_mismatch')
    expect(held.asked).toEqual([])
    expect((await get(id)).status).toBe('staged')
    await put(id, 0, bytes.subarray(0, 10))
    expect((await complete(id)).status).toBe(200)
  })

  test('again is the same, under whatever key, also for another daemon', async () => {
    const bytes = randomBytes(20)
    const id = await sent(bytes)
    const answers = await Promise.all([complete(id, sha(bytes), 'k'), complete(id, sha(bytes), 'k'), complete(id, sha(bytes))])
    answers.push(await complete(id, sha(bytes), 'other'))
    await restart()
    answers.push(await complete(id, sha(bytes), 'k'), await complete(id))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(held.asked.length).toBe(1)
    expect(await staged()).toEqual([])
    const session = UploadSession.strict().parse(answers[0]?.body.session)
    expect(session).toMatchObject({ status: 'completed', accepted_bytes: 20, reserved_staging_bytes: 0, whole_checksum_sha256: sha(bytes) })
    expect(session.next_part).toBe(undefined)
    expect((await complete(id, sha(randomBytes(1)), 'k')).body.code).toBe('idempotency_conflict')
    expect(reason(await complete(id, sha(randomBytes(1))))).toBe('whole_checksum_mismatch')
    expect(reason(await put(id, 0, bytes))).toBe('upload_already_completed')
    expect(reason(await abort(id))).toBe('upload_already_completed')
  })

  test.each([
    ['exists', 409, 'target_conflict'],
    ['bad_archive_path', 409, 'directory_extract_invalid_path'],
    ['bad_archive_link', 409, 'directory_extract_invalid_symlink'],
    ['bad_archive_entry', 409, 'directory_extract_unsupported_entry'],
    ['reserved', 400, 'invalid_request'],
    ['not_found', 404, 'file_not_found'],
    ['permission_denied', 403, 'permission_denied'],
    ['no_space', 409, 'file_error'],
    ['is_directory', 409, 'file_error'],
  ] as const)('that the guest refuses with %s', async (refusal, status, why) => {
    const id = await sent(Buffer.from('tar'), { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar' })
    held.refuse = refusal
    const answer = await complete(id, null, 'k')
    expect([answer.status, reason(answer)]).toEqual([status, why])
    if (answer.body.code === 'file_upload_error')
      expect(answer.body.error_detail).toMatchObject({ retryable: false, upload_id: id, path: '/workspace/big.bin' })
    expect((await get(id)).status).toBe('staged')
    // It may be that nobody heard of it; so the same request hears the same, and another one is another try.
    held.refuse = null
    await restart()
    expect((await complete(id, null, 'k')).body).toEqual({ ...answer.body, request_id: expect.any(String) })
    expect((await complete(id, null, 'k2')).body).toMatchObject({ published_bytes: 3, published_file_count: 3 })
  })

  test('a part that is sent anew makes a failed request worth repeating', async () => {
    const id = await sent(Buffer.from('abd'))
    expect(reason(await complete(id, sha(Buffer.from('abc')), 'k'))).toBe('whole_checksum_mismatch')
    await put(id, 0, Buffer.from('abc'))
    expect((await complete(id, sha(Buffer.from('abc')), 'k')).status).toBe(200)
  })

  test('where none may be, a file that is there stays', async () => {
    held.contents.set('/workspace/big.bin', Buffer.from('old'))
    const id = await sent(Buffer.from('old'), { conflict: 'error' })
    for (let time = 0; time < 2; time++) expect(reason(await complete(id))).toBe('target_conflict')
    const over = await sent(Buffer.from('new'), { conflict: 'merge' })
    expect((await complete(over)).status).toBe(200)
    expect(String(held.contents.get('/workspace/big.bin'))).toBe('new')
  })

  test('begins where the user works, and keeps names that are no UTF-8', async () => {
    const name = 'a\udcff.bin'
    const [mine, theirs] = [
      await sent(Buffer.from('x'), { target_path: name }),
      await sent(Buffer.from('x'), { target_path: name, user: 'node' }),
    ]
    expect((await complete(mine)).body.session.target_path).toBe(name)
    await complete(theirs)
    expect(held.asked).toEqual([
      { user: '', base: '/workspace' },
      { user: 'node', base: '' },
    ])
    expect([...held.contents.keys()]).toEqual([name])
  })

  test('wakes a machine that is paused; parts do not', async () => {
    await world.call('POST', `/v1/machines/${machine}/hibernate`)
    const id = await sent(Buffer.from('abc'))
    const state = async () => (await world.call('GET', `/v1/machines/${machine}`)).body.status
    expect(await state()).toBe('paused')
    expect((await complete(id)).status).toBe(200)
    expect(await state()).toBe('running')
  })

  test('of a machine that cannot be woken is put off', async () => {
    machine = (await world.machine()).id
    const id = await sent(Buffer.from('abc'))
    await world.call('POST', `/v1/machines/${machine}/hibernate`)
    expect((await complete(id, null, 'k')).body.code).toBe('machine_not_ready')
    await world.call('POST', `/v1/machines/${machine}/resume`)
    expect((await complete(id, null, 'k')).status).toBe(200)
  })

  test('while it comes, nothing else changes the upload', async () => {
    const id = await sent(Buffer.from('abc'))
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    held.before = () => {
      reached.resolve()
      return go.promise
    }
    const first = complete(id)
    await reached.promise
    expect((await put(id, 0, Buffer.from('abd'))).body).toMatchObject({ code: 'transition_in_progress', retryable: true })
    expect((await abort(id)).body.code).toBe('transition_in_progress')
    world.clock.step(UPLOAD_LIMITS.expiresMs)
    await look()
    expect((await get(id)).status).toBe('completing')
    const second = complete(id)
    go.resolve()
    expect((await first).body).toEqual((await second).body)
    expect(held.asked.length).toBe(1)
  })
})

describe('uploads that are given up', () => {
  test('are aborted, and nothing of them stays', async () => {
    const id = await sent(Buffer.from('abc'))
    expect(await staged()).toEqual([id])
    expect((await abort(id)).status).toBe(204)
    expect((await abort(id)).status).toBe(204)
    expect(await staged()).toEqual([])
    for (const answer of [await put(id, 0, Buffer.from('abc')), await complete(id)]) {
      expect(answer.body.error_detail).toMatchObject({ reason: 'upload_aborted', retryable: false, upload_id: id })
    }
    expect(await get(id)).toMatchObject({ status: 'aborted', accepted_bytes: 0, reserved_staging_bytes: 0 })
    expect((await abort('upload_aaaaaaaaaaaaaaaaaaaa')).body.code).toBe('upload_not_found')
  })

  test.each([
    ['aborted', (id: string) => abort(id), 'upload_aborted'],
    ['gone with its machine', () => world.call('DELETE', `/v1/machines/${machine}`).then(look), 'upload_not_found'],
  ] as const)('are %s while a part comes: it is refused, and leaves nothing', async (_how, end, why) => {
    const { upload_id: id } = await created(4)
    const principal = await authenticate(world.daemon.app, `Bearer ${world.key.key}`)
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('ab')
      begun.resolve()
      await go.promise
      yield Buffer.from('cd')
    }
    const body = { bytes: slowly(), length: 4 }
    const part = uploadPart(world.daemon.app, principal, machine, id, { number: 0, sha256: undefined, body }).catch(
      (error: unknown) => error,
    )
    await begun.promise
    await end(id)
    go.resolve()
    const error = (await part) as { code: string; upload?: { reason: string } }
    expect(error.upload?.reason ?? error.code).toBe(why)
    expect(await staged()).toEqual([])
  })

  test('expire when nothing comes to them, and are forgotten', async () => {
    const [idle, busy, done] = [await sent(Buffer.from('abc')), await sent(Buffer.from('abc')), await sent(Buffer.from('abc'))]
    await complete(done)
    world.clock.step(UPLOAD_LIMITS.expiresMs - 1)
    await put(busy, 0, Buffer.from('abd'))
    await look()
    expect((await get(idle)).status).toBe('staged')
    world.clock.step(1)
    // Whether somebody has looked or not.
    expect((await get(idle)).status).toBe('expired')
    for (const answer of [await put(idle, 0, Buffer.from('abc')), await complete(idle)]) {
      expect(answer.body.error_detail).toMatchObject({ reason: 'upload_expired', retryable: false, upload_id: idle })
    }
    await look()
    expect(await get(idle)).toMatchObject({ status: 'expired', accepted_bytes: 0, reserved_staging_bytes: 0 })
    expect(await staged()).toEqual([busy])
    expect((await get(busy)).status).toBe('staged')
    expect(reason(await complete(done))).toBe('upload_not_found')
    world.clock.step(UPLOAD_LIMITS.expiresMs)
    await look()
    expect(reason(await complete(idle))).toBe('upload_not_found')
    expect(await staged()).toEqual([])
  })

  test('go with their machine', async () => {
    const kept = (await world.machine()).id
    const id = await sent(Buffer.from('abc'))
    const other = (await world.call('POST', `/v1/machines/${kept}/uploads`, { body: { ...FILE, content_length: 1 } })).body.session
    await world.call('DELETE', `/v1/machines/${machine}`)
    expect((await world.call('GET', path(`/${id}`))).body.code).toBe('machine_not_found')
    await look()
    expect(await staged()).toEqual([])
    const rows = await world.db.selectFrom('uploads').select('id').execute()
    expect(rows).toEqual([{ id: other.upload_id }])
    expect(await world.db.selectFrom('upload_parts').selectAll().execute()).toEqual([])
  })

  test('are looked after by the daemon itself', async () => {
    const id = await sent(Buffer.from('abc'))
    world.clock.step(UPLOAD_LIMITS.expiresMs)
    // At its start it looks at everything.
    await restart()
    await until(staged, (left) => left.length === 0)
    expect((await get(id)).status).toBe('expired')
  })
})

test('sending parts keeps the machine from being idle', async () => {
  machine = (await world.machine({ inactivity_timeout_ms: 60_000, timeout_ms: 3_600_000 })).id
  const { upload_id: id } = await created(3)
  world.clock.step(59_000)
  await put(id, 0, Buffer.from('abc'))
  expect(world.daemon.app.activity.lastAt(machine)).toBe(world.clock.now())
})

test('the whole way, with the guest’s own files', async () => {
  // Without what the test holds.
  await world.restart()
  const read = async (target: string, more = ''): Promise<Buffer> => {
    const url = `/v1/machines/${machine}/file?path=${encodeURIComponent(target)}${more}`
    const answer = await world.daemon.http.inject({ method: 'GET', url, headers: { authorization: `Bearer ${world.key.key}` } })
    expect(answer.statusCode).toBe(200)
    return answer.rawPayload
  }
  const bytes = randomBytes(PART + 1)
  const id = await sent(bytes, { target_path: '/workspace/tree/big.bin' })
  expect((await complete(id, sha(bytes))).body).toMatchObject({ published_bytes: bytes.length, published_file_count: 1 })
  expect((await read('/workspace/tree/big.bin')).equals(bytes)).toBe(true)
  expect(reason(await complete(await sent(bytes, { target_path: '/workspace/tree/big.bin', conflict: 'error' })))).toBe('target_conflict')
  const tar = await read('/workspace/tree', '&archive=tar')
  const tree = { kind: 'directory_tar', source_kind: 'directory_archive', archive_format: 'tar', target_path: '/workspace/copy' }
  const published = { status: 200, body: { published_bytes: bytes.length, published_file_count: 1 } }
  expect(await complete(await sent(tar, { ...tree, conflict: 'error' }), sha(tar))).toMatchObject(published)
  expect((await read('/workspace/copy/big.bin')).equals(bytes)).toBe(true)
  expect(reason(await complete(await sent(tar, { ...tree, conflict: 'error' })))).toBe('target_conflict')
  expect(await complete(await sent(tar, { ...tree, conflict: 'merge' }))).toMatchObject(published)
})
