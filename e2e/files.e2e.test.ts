// Files of a real guest over HTTP: what was written is what is read, names and owners are kept, the guest's kernel decides
// who may do what, and nothing leads to the reserved path.

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { Channel } from './lib/channel.ts'
import type { Reply } from './lib/client.ts'
import { useLifecycles } from './lib/each-lifecycle.ts'
import { residentBytes } from './lib/host.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const eachLifecycle = useLifecycles(shared)
const { client } = shared
const MIB = 1024 * 1024

let machine: Machine
beforeAll(async () => {
  machine = await shared.machine()
  await machine.text('useradd -m -u 4000 ann && mkdir -p /srv/ann && chown ann /srv/ann')
})

interface Info {
  readonly name: string
  readonly path: string
  readonly type: string
  readonly size: number
  readonly mode: string
  readonly owner: string
  readonly symlink_target?: string
}
const at = ({ id }: Machine, path: string): string => `/v1/machines/${id}/${path}`
const ask = <T>(of: Machine, verb: string, body: object): Promise<Reply<T>> => client.call<T>('POST', at(of, `files/${verb}`), body)
const list = async (of: Machine, query: string): Promise<Info[]> => (await client.call<Info[]>('GET', at(of, `files?${query}`))).body
const authorization = { authorization: `Bearer ${client.key}` }
const put = (of: Machine, query: string, body: BodyInit): Promise<Response> =>
  fetch(`${client.url}${at(of, `file?${query}`)}`, { method: 'PUT', headers: authorization, body, duplex: 'half' } as RequestInit)
const download = (of: Machine, query: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${client.url}${at(of, `file?${query}`)}`, { headers: { ...authorization, ...headers } })
const bytes = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

eachLifecycle('files are written, read, listed, moved and removed', async (of) => {
  const dir = '/workspace/tree'
  expect(await ask(of, 'write', { path: `${dir}/a/one ü.txt`, content: 'text\n', user: null })).toMatchObject({
    status: 200,
    body: { name: 'one ü.txt', path: `${dir}/a/one ü.txt`, type: 'file', is_dir: false, size: 5, mode: '0644', owner: 'root' },
  })
  expect(await of.text(`cat '${dir}/a/one ü.txt'`)).toBe('text')
  const data = randomBytes(300_000)
  expect((await put(of, `path=${dir}/a/two`, data)).status).toBe(204)
  expect(await of.text(`sha256sum < ${dir}/a/two`)).toContain(sha256(data))
  const back = await download(of, `path=${dir}/a/two`)
  expect([back.status, back.headers.get('content-length'), sha256(await bytes(back))]).toEqual([200, '300000', sha256(data)])
  expect((await ask(of, 'mkdir', { path: `${dir}/b/c` })).status).toBe(204)
  await of.text(`ln -s one\\ ü.txt ${dir}/a/link; : > ${dir}/empty`)
  expect(
    (await list(of, `path=${dir}&depth=3`)).map(({ path, type, size }) => [path.slice(dir.length), type, type === 'file' ? size : 0]),
  ).toEqual([
    ['/a', 'dir', 0],
    ['/a/link', 'symlink', 0],
    ['/a/one ü.txt', 'file', 5],
    ['/a/two', 'file', 300_000],
    ['/b', 'dir', 0],
    ['/b/c', 'dir', 0],
    ['/empty', 'file', 0],
  ])
  expect((await ask<Info>(of, 'info', { path: `${dir}/a/link` })).body).toMatchObject({ type: 'symlink', symlink_target: 'one ü.txt' })
  expect(await ask(of, 'rename', { old_path: `${dir}/empty`, new_path: `${dir}/b/none` })).toMatchObject({ status: 200, body: { size: 0 } })
  expect(await ask(of, 'read', { path: `${dir}/b/none` })).toMatchObject({ status: 200, body: { content: '', size: 0, encoding: 'utf8' } })
  expect((await ask(of, 'permissions', { path: `${dir}/a/two`, permissions: '0600' })).status).toBe(204)
  expect(await of.text(`stat -c %a ${dir}/a/two`)).toBe('600')
  expect(await ask(of, 'search', { path: dir, pattern: '*.txt' })).toMatchObject({ body: [`${dir}/a/one ü.txt`] })
  expect(await ask(of, 'find', { path: dir, pattern: '^te.t$' })).toMatchObject({
    body: [{ file: `${dir}/a/one ü.txt`, line: 1, content: 'text' }],
  })
  expect((await ask(of, 'remove', { path: dir })).status).toBe(204)
  expect(await ask(of, 'exists', { path: dir })).toMatchObject({ status: 200, body: { exists: false } })
})

eachLifecycle('changes below a directory are told as they happen', async (of) => {
  await of.text('mkdir -p /workspace/watched/deep')
  using watch = await Channel.open(client, of.id, '')
  watch.send({ type: 'file_watch', id: 'w1', path: '/workspace/watched', user: null, recursive: true, timeout_secs: null })
  await watch.frame(({ type }) => type === 'file_watch_started', 'the start')
  await of.text('cd /workspace/watched; echo 1 > deep/file; mkdir new; echo 2 > new/inner; mv deep/file moved; rm new/inner')
  const saw = (event: string, name: string) =>
    watch.frame((frame) => frame.type === 'file_event' && frame.event === event && frame.name === name, `${event} ${name}`)
  await saw('create', 'deep/file')
  await saw('write', 'deep/file')
  await saw('create', 'new')
  await saw('create', 'new/inner')
  await saw('remove', 'new/inner')
  expect(await watch.frame(({ name, event }) => name === 'moved' && event === 'rename', 'the move')).toMatchObject({
    id: 'w1',
    path: '/workspace/watched/moved',
  })
  await of.text('rm -r /workspace/watched')
})

describe('who may', () => {
  test('files of a user are the user’s, at home unless said otherwise', async () => {
    expect(await ask(machine, 'write', { path: 'note', content: 'mine', user: 'ann' })).toMatchObject({
      status: 200,
      body: { path: '/home/ann/note', owner: 'ann' },
    })
    expect(await ask(machine, 'read', { path: '~/note', user: 'ann' })).toMatchObject({ body: { content: 'mine' } })
  })

  test.each([
    ['read', { path: '/etc/shadow' }],
    ['write', { path: '/etc/motd', content: 'x' }],
    ['write', { path: '/root/x', content: 'x' }],
    ['mkdir', { path: '/opt/x' }],
    ['remove', { path: '/etc/passwd' }],
    ['rename', { old_path: '/etc/passwd', new_path: '/srv/ann/passwd' }],
    ['permissions', { path: '/etc/passwd', permissions: '0666' }],
  ])('a user may not %s %j', async (verb, body) => {
    const { status, body: answer } = await ask<object>(machine, verb, { ...body, user: 'ann' })
    expect([status, answer.code]).toEqual([403, 'permission_denied'])
    expect(await machine.text('stat -c "%U %a" /etc/passwd')).toBe('root 644')
  })

  test('a user who does not exist is named', async () => {
    const { status, body } = await ask<object>(machine, 'read', { path: 'x', user: 'nobody-knows' })
    expect([status, body.error]).toEqual([400, expect.stringContaining('nobody-knows')])
  })
})

describe('the reserved path is refused', () => {
  beforeAll(() => machine.text('mkdir -p /workspace/sub && ln -sfn / /workspace/root && ln -sfn .nullspace /workspace/door'))
  const ways = [
    '/workspace/.nullspace',
    '/workspace/.nullspace/x',
    '/workspace/sub/../.nullspace/x',
    '.nullspace/x',
    '//workspace//./.nullspace',
    '/workspace/root/workspace/.nullspace/x',
    '/proc/1/root/workspace/.nullspace/x',
    '/workspace/door/x',
  ]
  test('a directory that is there is not entered, listed or removed', async () => {
    await machine.text('mkdir -p /workspace/.nullspace && echo secret > /workspace/.nullspace/x')
    const path = '/workspace/door/x'
    for (const [verb, body] of [
      ['read', { path }],
      ['info', { path }],
      ['write', { path, content: 'mine' }],
      ['remove', { path }],
      ['find', { path: '/workspace/door', pattern: 'secret' }],
      ['rename', { old_path: path, new_path: '/tmp/x' }],
      ['permissions', { path, permissions: '0777' }],
    ] as const)
      expect((await ask<object>(machine, verb, body)).body, verb).toMatchObject({ code: 'invalid_request' })
    expect((await list(machine, 'path=/workspace&depth=3')).filter(({ path: seen }) => seen.includes('nullspace/'))).toEqual([])
    expect(await ask(machine, 'find', { path: '/workspace', pattern: 'secret' })).toMatchObject({ status: 200, body: [] })
    expect(await machine.text('cat /workspace/.nullspace/x; rm -r /workspace/.nullspace')).toBe('secret')
  })

  test.each(ways)('%s', async (path) => {
    const answers = await Promise.all([
      ask<object>(machine, 'write', { path, content: 'x' }),
      ask<object>(machine, 'mkdir', { path }),
      ask<object>(machine, 'rename', { old_path: '/workspace/sub', new_path: path }),
    ])
    const raw = await put(machine, `path=${encodeURIComponent(path)}`, 'x')
    const said = [...answers.map(({ status }) => status), raw.status]
    // Where the path alone does not say it, its parent is not there either.
    expect(said.filter((status) => ![400, 404, 409].includes(status))).toEqual([])
    if (!/root|door/.test(path)) expect(said).toEqual([400, 400, 400, 400])
    expect(await machine.text('ls -A /workspace | grep -c nullspace || true')).toBe('0')
  })
})

describe('names', () => {
  test.each(['a b', 'tab\tand\nline', '-rf', 'quote\'"$`', 'ünï©ode 🦊', '…'.repeat(80)])('%j', async (name) => {
    const path = `/workspace/names/${name}`
    expect((await ask(machine, 'write', { path, content: name })).status).toBe(200)
    expect(await ask(machine, 'read', { path })).toMatchObject({ body: { content: name } })
    expect((await bytes(await download(machine, `path=${encodeURIComponent(path)}`))).toString()).toBe(name)
    expect((await list(machine, 'path=/workspace/names')).map((one) => one.name)).toContain(name)
    expect((await ask(machine, 'remove', { path })).status).toBe(204)
  })

  test('bytes that are no UTF-8 come back as they were', async () => {
    await machine.python('import os; os.makedirs("/workspace/raw", exist_ok=True); open(b"/workspace/raw/\\xff\\xfe", "w").write("odd")')
    const [one] = await list(machine, 'path=/workspace/raw')
    expect(one?.name).toBe('\uDCFF\uDCFE')
    expect(await ask(machine, 'read', { path: one?.path })).toMatchObject({ body: { content: 'odd' } })
    expect((await bytes(await download(machine, 'path=/workspace/raw/%FF%FE'))).toString()).toBe('odd')
  })
})

describe('much', () => {
  test('a long file goes both ways whole, in pieces, and the daemon stays as it is', async () => {
    const size = 100 * MIB
    const piece = randomBytes(MIB)
    const hash = createHash('sha256')
    for (let n = 0; n < size / MIB; n++) hash.update(piece)
    const wanted = hash.digest('hex')
    const before = residentBytes(shared.pid)
    const stream = new ReadableStream({
      pull(controller) {
        this.left ??= size / MIB
        if (this.left-- > 0) controller.enqueue(new Uint8Array(piece))
        else controller.close()
      },
      left: undefined as number | undefined,
    } as UnderlyingSource & { left: number | undefined })
    expect((await put(machine, 'path=/workspace/long', stream)).status).toBe(204)
    expect(await machine.text('sha256sum < /workspace/long', { timeout_secs: 120 })).toContain(wanted)
    const got = createHash('sha256')
    let length = 0
    for await (const chunk of (await download(machine, 'path=/workspace/long')).body!) {
      got.update(chunk)
      length += chunk.length
    }
    expect([length, got.digest('hex')]).toEqual([size, wanted])
    expect(residentBytes(shared.pid) - before).toBeLessThan(64 * MIB)
    const part = await download(machine, 'path=/workspace/long', { range: `bytes=${MIB - 2}-${MIB + 1}` })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${MIB - 2}-${MIB + 1}/${size}`])
    expect(await bytes(part)).toEqual(Buffer.concat([piece.subarray(-2), piece.subarray(0, 2)]))
    await machine.text('rm /workspace/long')
  })

  test('a client that goes in the middle of a write changes nothing', async () => {
    await machine.text('echo before > /workspace/kept')
    const cut = request(`${client.url}${at(machine, 'file?path=/workspace/kept')}`, { method: 'PUT', headers: authorization })
    const gone = new Promise<void>((resolve) => cut.on('error', () => {}).on('close', resolve))
    for (let pieces = 0; pieces < 20; pieces++) if (!cut.write(randomBytes(MIB))) await once(cut, 'drain')
    cut.destroy()
    await gone
    await until(
      () => machine.text('cat /workspace/kept; ls -A /workspace | grep -c -e kept -e tmp'),
      (text) => text === 'before\n1',
      { withinMs: 30_000 },
    )
  })

  test('a directory with a hundred thousand entries is listed, and the daemon stays as it is', async () => {
    await machine.python('import os\nos.mkdir("/srv/many")\nfor n in range(100000): os.mknod(f"/srv/many/{n}")')
    const before = residentBytes(shared.pid)
    const names = (await list(machine, 'path=/srv/many')).map(({ name }) => name)
    expect([names.length, new Set(names).size]).toEqual([100_000, 100_000])
    expect(residentBytes(shared.pid) - before).toBeLessThan(64 * MIB)
    await machine.text('rm -r /srv/many', { timeout_secs: 120 })
  })

  test('holes stay holes', async () => {
    const size = 64 * MIB
    expect((await put(machine, 'path=/workspace/holes', Buffer.alloc(size))).status).toBe(204)
    expect(await machine.text('stat -c %s /workspace/holes; [ $(stat -c %b /workspace/holes) -lt 2048 ] && echo sparse')).toBe(
      `${size}\nsparse`,
    )
  })

  test('a full disk says so and leaves nothing half', async () => {
    // Root may use what is kept back from others, so that goes, too.
    await machine.text(
      'fallocate -l $(( $(df -B1 --output=avail / | tail -n 1) - 8388608 )) /srv/most; dd if=/dev/zero of=/srv/rest bs=1M 2>/dev/null; true',
      { timeout_secs: 120 },
    )
    const refused = await put(machine, 'path=/workspace/toomuch', randomBytes(32 * MIB))
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, 'file_error'])
    expect(await machine.text('rm /srv/most /srv/rest; ls -A /workspace | grep -c toomuch || true')).toBe('0')
  })

  test('what never ends, or is no file, is refused', async () => {
    await machine.text('mkfifo /workspace/fifo')
    for (const path of ['/workspace/fifo', '/dev/zero', '/workspace'])
      expect((await ask<object>(machine, 'read', { path })).body).toMatchObject({ code: 'file_error' })
  })
})
