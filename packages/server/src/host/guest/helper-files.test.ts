// Each call of a guest's files, over the guest of the fake driver.

import { duplexPair } from 'node:stream'
import { until } from '@nullspace/vmm/exam/until.ts'
import { createFakeGuest, FRESH_GUEST, type GuestState } from '@nullspace/vmm/fake/fake-guest.ts'
import { expect, onTestFinished, test } from 'vitest'
import { Op } from '../../observe/op.ts'
import { GuestClient } from './client.ts'
import type { GuestFiles } from './guest-files.ts'

const op = (): Op => new Op('test', { timeoutMs: 5_000 })

function machine(state: GuestState = FRESH_GUEST) {
  const guest = createFakeGuest(state)
  const client = new GuestClient(async () => {
    const [ours, theirs] = duplexPair()
    guest.attach(theirs, async () => {})
    return ours
  })
  onTestFinished(() => client.close())
  const sh = async (script: string): Promise<string> => {
    const request = { argv: ['sh', '-c', script], env: {}, cwd: '/', user: '', timeoutMs: 5_000, outputLimit: 0 }
    return (await client.exec(op(), request)).stdout.toString()
  }
  const root = client.files({ user: '', base: '/workspace' })
  return { guest, client, sh, root, user: client.files({ user: 'user', base: '' }) }
}

const text = (content: string): Uint8Array[] => [Buffer.from(content)]
async function all<T>(parts: AsyncIterable<readonly T[]>): Promise<T[]> {
  const out: T[] = []
  for await (const some of parts) out.push(...some)
  return out
}
async function contents(files: GuestFiles, path: string, range?: { offset: number; length?: number }): Promise<string> {
  const { bytes } = await files.read(op(), path, range)
  const parts: Uint8Array[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts).toString()
}
const refused = (refusal: string) => ({ name: 'FileRefused', refusal })

test('write and read: new and old files, parts, modes, directories above, and what the shell sees', async () => {
  const { root, user, sh } = machine()
  const entry = await root.write(op(), 'notes/a.txt', text('0123456789'), { mode: 0o640 })
  expect(entry).toMatchObject({ path: '/workspace/notes/a.txt', type: 'file', size: 10n, mode: 0o640, uid: 0, owner: 'root' })
  expect(await sh('cat /workspace/notes/a.txt')).toBe('0123456789')
  expect(await contents(root, '/workspace/notes/a.txt')).toBe('0123456789')
  expect(await contents(root, 'notes/a.txt', { offset: 3, length: 4 })).toBe('3456')
  expect(await contents(root, 'notes/a.txt', { offset: 8 })).toBe('89')
  expect(await contents(root, 'notes/a.txt', { offset: 80, length: 1 })).toBe('')
  expect(await root.write(op(), 'notes/a.txt', text('x'), { append: true })).toMatchObject({ size: 11n, mode: 0o640 })
  await expect(root.write(op(), 'notes/a.txt', text('y'), { exclusive: true })).rejects.toMatchObject(refused('exists'))
  await expect(root.write(op(), 'notes', text('y'))).rejects.toMatchObject(refused('is_directory'))
  await expect(root.write(op(), 'notes/a.txt/b', text('y'))).rejects.toMatchObject(refused('not_directory'))
  await expect(contents(root, 'nothing')).rejects.toMatchObject(refused('not_found'))
  await expect(contents(root, 'notes')).rejects.toMatchObject(refused('is_directory'))
  await sh('echo from the shell > /home/user/b')
  expect(await contents(user, 'b')).toBe('from the shell\n')
  expect(await contents(user, '~/b')).toBe('from the shell\n')
})

test('a large file goes and comes whole', async () => {
  const { root } = machine()
  const piece = Buffer.alloc(300_000, 'nullspace ')
  const pieces = Array.from({ length: 10 }, () => piece)
  expect(await root.write(op(), 'large', pieces)).toMatchObject({ size: 3_000_000n })
  expect(await contents(root, 'large')).toBe(Buffer.concat(pieces).toString())
})

test('what is root’s is not the user’s, and what is reserved is nobody’s', async () => {
  const { root, user } = machine()
  await root.write(op(), '/etc/secret', text('s'), { mode: 0o600 })
  for (const no of [
    () => contents(user, '/etc/secret'),
    () => user.write(op(), '/etc/secret', text('mine')),
    () => user.write(op(), '/etc/new', text('mine')),
    () => user.makeDir(op(), '/etc/d'),
    () => user.remove(op(), '/etc/secret'),
    () => user.rename(op(), '/etc/secret', '/workspace/s'),
    () => user.chmod(op(), '/etc/secret', 0o777),
    () => user.stat(op(), '/root/x', { follow: true }),
  ])
    await expect(no()).rejects.toMatchObject(refused('permission_denied'))
  expect(await user.write(op(), '/workspace/mine', text('m'))).toMatchObject({ uid: 1000, owner: 'user' })
  for (const path of ['.nullspace', '/workspace/.nullspace/x', 'a/../.nullspace'])
    await expect(root.write(op(), path, text(''))).rejects.toMatchObject(refused('reserved'))
})

test('stat, list, makeDir, rename, chmod and remove', async () => {
  const { root } = machine()
  expect(await root.makeDir(op(), 'a/b/c')).toMatchObject({ path: '/workspace/a/b/c', type: 'dir' })
  expect(await root.makeDir(op(), 'a/b/c')).toMatchObject({ type: 'dir' })
  await root.write(op(), 'a/file', text('1'))
  expect((await all(root.list(op(), 'a', 1))).map(({ path }) => path)).toEqual(['/workspace/a/b', '/workspace/a/file'])
  expect((await all(root.list(op(), 'a', 2))).map(({ path }) => path)).toEqual(['/workspace/a/b', '/workspace/a/b/c', '/workspace/a/file'])
  await expect(all(root.list(op(), 'a/file', 1))).rejects.toMatchObject(refused('not_directory'))
  expect(await root.rename(op(), 'a/b', 'moved')).toMatchObject({ path: '/workspace/moved', type: 'dir' })
  expect(await root.stat(op(), 'moved/c', { follow: false })).toMatchObject({ type: 'dir' })
  await expect(root.stat(op(), 'a/b', { follow: false })).rejects.toMatchObject(refused('not_found'))
  await root.chmod(op(), 'a/file', 0o400)
  expect(await root.stat(op(), 'a/file', { follow: true })).toMatchObject({ mode: 0o400 })
  await root.remove(op(), 'a')
  await expect(root.remove(op(), 'a')).rejects.toMatchObject(refused('not_found'))
  expect((await all(root.list(op(), '.', 9))).map(({ path }) => path)).toEqual(['/workspace/moved', '/workspace/moved/c'])
})

test('more entries than one frame holds', async () => {
  const { root } = machine()
  const names = Array.from({ length: 250 }, (_, i) => `/workspace/d/${`${i}`.padStart(3, '0')}`)
  for (const name of names) await root.write(op(), name, [])
  expect((await all(root.list(op(), 'd', 1))).map(({ path }) => path)).toEqual(names)
})

test('find looks into files, search at names', async () => {
  const { root } = machine()
  await root.write(op(), 'src/one.ts', text('const a = 1\nconst b = 22\n'))
  await root.write(op(), 'src/deep/two.ts', text('let a[ = 3\n'))
  await root.write(op(), 'src/binary', [new Uint8Array([0x61, 0, 0x61])])
  expect(await all(root.find(op(), 'src', '\\d\\d', 10))).toEqual([{ path: '/workspace/src/one.ts', line: 2, content: 'const b = 22' }])
  expect(await all(root.find(op(), 'src', 'a[ ', 10))).toEqual([{ path: '/workspace/src/deep/two.ts', line: 1, content: 'let a[ = 3' }])
  expect(await all(root.find(op(), 'src', 'a', 1))).toHaveLength(1)
  expect(await all(root.search(op(), '.', '*.ts', 10))).toEqual(['/workspace/src/deep/two.ts', '/workspace/src/one.ts'])
  expect(await all(root.search(op(), '.', 'src/*.ts', 10))).toEqual(['/workspace/src/one.ts'])
  expect(await all(root.search(op(), '.', '*', 2))).toHaveLength(2)
})

test('replace tells of each file, and changes none on a dry run', async () => {
  const { root } = machine()
  await root.write(op(), 'a', text('x.x.x'))
  await root.write(op(), 'binary', [new Uint8Array([0x78, 0])])
  const change = { pattern: 'x', replacement: 'yy', dryRun: false }
  const paths = ['a', 'binary', 'none', '/workspace']
  const expected = [
    { path: 'a', replacements: 3, skipped: 'none' },
    { path: 'binary', replacements: 0, skipped: 'binary' },
    { path: 'none', replacements: 0, skipped: 'missing' },
    { path: '/workspace', replacements: 0, skipped: 'not_a_file' },
  ]
  expect(await root.replace(op(), paths, { ...change, dryRun: true })).toEqual(expected)
  expect(await contents(root, 'a')).toBe('x.x.x')
  expect(await root.replace(op(), paths, change)).toEqual(expected)
  expect(await contents(root, 'a')).toBe('yy.yy.yy')
  expect(await root.replace(op(), [], change)).toEqual([])
})

test('watch hears of what others change, from its beginning to its end', async () => {
  const { root, user, sh } = machine()
  const events: string[] = []
  const listener = {
    event: (kind: string, path: string) => void events.push(`${kind} ${path}`),
    ended: (error: Error) => void events.push(error.message),
  }
  const watch = await root.watch(op(), '/workspace', { recursive: false }, listener)
  await user.write(op(), '/workspace/a', text('1'))
  await sh('echo 2 >> /workspace/a')
  await user.makeDir(op(), '/workspace/d/e')
  await user.chmod(op(), '/workspace/a', 0o600)
  await user.rename(op(), '/workspace/a', '/workspace/b')
  await user.remove(op(), '/workspace/b')
  const expected = ['create a', 'write a', 'create d', 'chmod a', 'rename b', 'remove b']
  await until(
    () => events.length,
    (count) => count === expected.length,
  )
  expect(events).toEqual(expected.map((event) => event.replace(' ', ' /workspace/')))
  watch[Symbol.dispose]()
  await user.write(op(), '/workspace/c', text('1'))
  expect(events).toHaveLength(expected.length)
  await root.watch(op(), 'd', { recursive: true }, listener)
  await user.remove(op(), '/workspace/d')
  await until(
    () => events.length,
    (count) => count === expected.length + 3,
  )
  expect(events.slice(-3)).toEqual(['remove /workspace/d/e', 'remove /workspace/d', '/workspace/d: not found'])
  await expect(root.watch(op(), 'nothing', { recursive: true }, listener)).rejects.toMatchObject(refused('not_found'))
})

test('pack and unpack: a directory goes over whole, by each way of a conflict', async () => {
  const { root } = machine()
  const long = `${'n'.repeat(120)}-ü`
  await root.write(op(), 'from/a', text('1'), { mode: 0o755 })
  await root.write(op(), `from/${long}/b`, text('22'))
  await root.makeDir(op(), 'from/empty')
  const tar: Uint8Array[] = []
  for await (const part of await root.pack(op(), 'from')) tar.push(part)
  expect(await root.unpack(op(), 'to', 'error', tar)).toEqual({ bytes: 3, files: 2 })
  expect(await contents(root, `to/${long}/b`)).toBe('22')
  expect(await root.stat(op(), 'to/a', { follow: true })).toMatchObject({ mode: 0o755 })
  expect(await root.stat(op(), 'to/empty', { follow: true })).toMatchObject({ type: 'dir' })
  await root.write(op(), 'to/own', text('3'))
  await expect(root.unpack(op(), 'to', 'error', tar)).rejects.toMatchObject(refused('exists'))
  await root.unpack(op(), 'to', 'merge', tar)
  expect(await contents(root, 'to/own')).toBe('3')
  await root.unpack(op(), 'to', 'replace', tar)
  await expect(contents(root, 'to/own')).rejects.toMatchObject(refused('not_found'))
  await expect(root.pack(op(), 'nothing')).rejects.toMatchObject(refused('not_found'))
  await expect(root.unpack(op(), 'bad', 'error', [Buffer.concat(tar).subarray(0, 512)])).rejects.toMatchObject(refused('bad_archive_entry'))
})

test('names that are no text come back as they were', async () => {
  const { root } = machine()
  await root.write(op(), 'caf\udce9', text('1'))
  expect((await all(root.list(op(), '.', 1))).map(({ path }) => path)).toEqual(['/workspace/caf\udce9'])
  expect(await contents(root, 'caf\udce9')).toBe('1')
})

test('files are part of what a snapshot carries; a copy goes its own way, and helpers are not commands', async () => {
  const { root, guest } = machine()
  await root.write(op(), 'a', [new Uint8Array([0xff, 0, 1])], { mode: 0o600 })
  expect(guest.commands).toBe(0)
  // As it lies in the memory file.
  const memory = JSON.stringify(guest.state())
  const copy = machine(JSON.parse(memory) as GuestState)
  expect(await copy.root.stat(op(), 'a', { follow: true })).toMatchObject({ size: 3n, mode: 0o600 })
  await copy.root.remove(op(), 'a')
  expect(await root.stat(op(), 'a', { follow: true })).toMatchObject({ size: 3n })
})

test('a user that the guest does not have, and a machine whose agent starts again', async () => {
  const { root, client, guest } = machine()
  await expect(client.files({ user: 'nobody', base: '' }).stat(op(), '/', { follow: true })).rejects.toMatchObject({ reason: 'bad_user' })
  await root.write(op(), 'a', text('1'))
  guest.restartAgent()
  client.close('gone')
  await expect(root.stat(op(), 'a', { follow: true })).rejects.toMatchObject({ name: 'ChannelLost' })
  await client.renew(op(), { kind: 'same', seed: new Uint8Array(64) })
  expect(await contents(root, 'a')).toBe('1')
})
