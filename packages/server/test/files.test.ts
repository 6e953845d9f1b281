// Files of a machine over HTTP, as far as one request and its answer go: text and verbs. Connections: files-wire.test.ts.

import { describe, expect, test } from 'vitest'
import { useFiles } from './files-ground.ts'

const here = useFiles()
const { post, write } = here

describe('text', () => {
  test('is written with what lies above it, and read again', async () => {
    const written = await write('notes/a.txt', 'grüße\n', { mode: '0640', user: null })
    expect(written).toMatchObject({
      status: 200,
      body: {
        name: 'a.txt',
        path: '/workspace/notes/a.txt',
        is_dir: false,
        size: 8,
        type: 'file',
        mode: '0640',
        permissions: '0640',
        owner: 'root',
        group: 'root',
      },
    })
    expect(new Date(written.body.modified_time).toISOString()).toBe(written.body.modified_time)
    expect((await post('read', { path: '/workspace/notes/a.txt', user: null })).body).toEqual({
      content: 'grüße\n',
      encoding: 'utf8',
      size: 8,
    })
    await write('notes/a.txt', 'mehr', { append: true })
    expect((await post('read', { path: 'notes/a.txt', encoding: 'base64' })).body.content).toBe(
      Buffer.from('grüße\nmehr').toString('base64'),
    )
  })

  test('of what is none, bytes become replacement characters', async () => {
    await write('bytes', Buffer.from([0x61, 0xff, 0x62]).toString('base64'), { encoding: 'base64' })
    expect((await post('read', { path: 'bytes' })).body).toEqual({ content: 'a\ufffdb', encoding: 'utf8', size: 3 })
  })

  test.each(['a', 'abc=d', 'ab cd', 'äöü='])('base64 that is none is refused: %s', async (content) => {
    expect((await write('x', content, { encoding: 'base64' })).body).toMatchObject({
      code: 'invalid_request',
      details: { field: 'content' },
    })
  })

  test('of 9 MiB goes in and out as JSON', async () => {
    const content = 'x€😀'.repeat(1_200_000)
    const bytes = Buffer.from(content)
    expect((await write('large', content)).body.size).toBe(bytes.length)
    expect((await post('read', { path: 'large' })).body.content === content).toBe(true)
    const { content: base64, ...rest } = (await post('read', { path: 'large', encoding: 'base64' })).body
    expect(rest).toEqual({ encoding: 'base64', size: bytes.length })
    expect(base64 === bytes.toString('base64')).toBe(true)
  })
})

describe('verbs', () => {
  test('each does what it says', async () => {
    expect((await post('mkdir', { path: 'd/e', user: null })).status).toBe(204)
    expect((await post('mkdir', { path: 'd/e' })).status).toBe(204)
    expect((await post('info', { path: 'd/e' })).body).toMatchObject({ name: 'e', type: 'dir', is_dir: true })
    await write('d/one', 'needle\nhay\n')
    expect((await post('permissions', { path: 'd/one', permissions: '0755' })).status).toBe(204)
    expect((await post('rename', { old_path: 'd/one', new_path: 'd/two' })).body).toMatchObject({
      path: '/workspace/d/two',
      mode: '0755',
    })
    expect((await post('exists', { path: 'd/one' })).body).toEqual({ exists: false })
    expect((await post('exists', { path: 'd/two' })).body).toEqual({ exists: true })
    expect((await post('find', { path: 'd', pattern: 'ne+dle' })).body).toEqual([{ file: '/workspace/d/two', line: 1, content: 'needle' }])
    expect((await post('search', { path: 'd', pattern: 't*' })).body).toEqual(['/workspace/d/two'])
    const change = { files: ['d/two', 'd/none', 'bytes'], pattern: 'hay', replacement: 'straw', user: null }
    const counts = { replacements: 1, files_modified: 1, files_skipped: 1, binary_files_skipped: 0 }
    expect((await post('replace', { ...change, dry_run: true })).body).toEqual(counts)
    expect((await post('replace', change)).body).toEqual(counts)
    expect((await post('read', { path: 'd/two' })).body.content).toBe('needle\nstraw\n')
    expect((await post('remove', { path: 'd' })).status).toBe(204)
    expect((await post('info', { path: 'd/two' })).body.code).toBe('file_not_found')
  })

  test('nothing found is an empty array', async () => {
    await post('mkdir', { path: '/tmp/empty' })
    for (const answer of [
      await here.world.call('GET', `/v1/machines/${here.machine}/files?path=/tmp/empty`),
      await post('search', { path: '/tmp/empty', pattern: '*' }),
      await post('find', { path: '/tmp/empty', pattern: 'x' }),
    ])
      expect([answer.status, answer.body]).toEqual([200, []])
  })

  test('a user works at home, and not where it may not', async () => {
    expect((await write('mine', 'x', { user: 'user' })).body).toMatchObject({ path: '/home/user/mine', owner: 'user' })
    expect((await write('/root/x', 'x', { user: 'user' })).body).toMatchObject({ code: 'permission_denied' })
    expect((await post('info', { path: '~/mine', user: 'user' })).body.path).toBe('/home/user/mine')
    expect((await post('info', { path: 'x', user: 'nobody-here' })).body).toMatchObject({
      code: 'invalid_request',
      details: { field: 'user' },
    })
    const { id } = await here.world.machine({ cwd: '/tmp' })
    const chosen = await here.world.call('POST', `/v1/machines/${id}/files/write`, { body: { path: 'there', content: '', user: 'user' } })
    expect(chosen.body.path).toBe('/tmp/there')
  })

  test('what is no directory, and what is one, is said with a reason', async () => {
    await write('plain', '')
    expect((await post('read', { path: '/workspace' })).body).toMatchObject({ code: 'file_error', details: { reason: 'is_directory' } })
    expect(await here.world.call('GET', `/v1/machines/${here.machine}/files?path=/workspace/plain`)).toMatchObject({
      status: 409,
      body: { code: 'file_error', details: { reason: 'not_directory' } },
    })
  })

  test('a machine sleeps on when its files are refused anyway, and wakes when they are not', async () => {
    const { id } = await here.world.machine({ auto_resume: true, timeout_action: 'hibernate' })
    await here.world.call('POST', `/v1/machines/${id}/hibernate`)
    const read = (path: string) => here.world.call('POST', `/v1/machines/${id}/files/exists`, { body: { path } })
    expect((await read('.nullspace/x')).body.code).toBe('invalid_request')
    expect((await here.world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
    expect((await read('/workspace')).body).toEqual({ exists: true })
    expect((await here.world.call('GET', `/v1/machines/${id}`)).body.status).toBe('running')
  })
})

test('a list is by name, and with depth goes down', async () => {
  for (const name of ['b', 'a', 'sub/c']) await write(`/tmp/list/${name}`, name)
  const names = async (query: string) =>
    (await here.world.call('GET', `/v1/machines/${here.machine}/files?path=/tmp/list${query}`)).body.map(
      ({ name }: { name: string }) => name,
    )
  expect(await names('')).toEqual(['a', 'b', 'sub'])
  expect(await names('&depth=2')).toEqual(['a', 'b', 'sub', 'c'])
})
