// Files of a machine over HTTP, as far as one request and its answer go. Connections: files-wire.test.ts.

import type { InjectOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

let world: World
let machine: string
beforeAll(async () => {
  world = await createWorld()
  machine = (await world.machine({ timeout_ms: 86_400_000 })).id
})
afterAll(async () => {
  expect((await world.call('GET', '/healthz', { key: null })).status).toBe(200)
  await world[Symbol.asyncDispose]()
})

const post = async (verb: string, body: unknown) => world.call('POST', `/v1/machines/${machine}/files/${verb}`, { body })
const write = (path: string, content: string, more: object = {}) => post('write', { path, content, ...more })
const inject = (method: 'GET' | 'HEAD' | 'PUT' | 'POST', url: string, options: InjectOptions = {}) =>
  world.daemon.http.inject({ ...options, method, url, headers: { authorization: `Bearer ${world.key.key}`, ...options.headers } })
const get = (query: string, headers: Record<string, string> = {}) => inject('GET', `/v1/machines/${machine}/file?${query}`, { headers })

const BOUNDARY = 'b0undary'
const form = (parts: [name: string, content: string | Buffer][], { close = true } = {}): InjectOptions => ({
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  payload: Buffer.concat([
    ...parts.map(([name, content]) =>
      Buffer.concat([
        Buffer.from(
          `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${name === 'manifest' ? '' : '; filename="x"'}\r\n\r\n`,
        ),
        Buffer.from(content),
        Buffer.from('\r\n'),
      ]),
    ),
    Buffer.from(close ? `--${BOUNDARY}--\r\n` : ''),
  ]),
})

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
      await world.call('GET', `/v1/machines/${machine}/files?path=/tmp/empty`),
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
    const { id } = await world.machine({ cwd: '/tmp' })
    const chosen = await world.call('POST', `/v1/machines/${id}/files/write`, { body: { path: 'there', content: '', user: 'user' } })
    expect(chosen.body.path).toBe('/tmp/there')
  })

  test('what is no directory, and what is one, is said with a reason', async () => {
    await write('plain', '')
    expect((await post('read', { path: '/workspace' })).body).toMatchObject({ code: 'file_error', details: { reason: 'is_directory' } })
    expect(await world.call('GET', `/v1/machines/${machine}/files?path=/workspace/plain`)).toMatchObject({
      status: 409,
      body: { code: 'file_error', details: { reason: 'not_directory' } },
    })
  })

  test('a machine sleeps on when its files are refused anyway, and wakes when they are not', async () => {
    const { id } = await world.machine({ auto_resume: true, timeout_action: 'hibernate' })
    await world.call('POST', `/v1/machines/${id}/hibernate`)
    const read = (path: string) => world.call('POST', `/v1/machines/${id}/files/exists`, { body: { path } })
    expect((await read('.nullspace/x')).body.code).toBe('invalid_request')
    expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('paused')
    expect((await read('/workspace')).body).toEqual({ exists: true })
    expect((await world.call('GET', `/v1/machines/${id}`)).body.status).toBe('running')
  })
})

test('a list is by name, and with depth goes down', async () => {
  for (const name of ['b', 'a', 'sub/c']) await write(`/tmp/list/${name}`, name)
  const names = async (query: string) =>
    (await world.call('GET', `/v1/machines/${machine}/files?path=/tmp/list${query}`)).body.map(({ name }: { name: string }) => name)
  expect(await names('')).toEqual(['a', 'b', 'sub'])
  expect(await names('&depth=2')).toEqual(['a', 'b', 'sub', 'c'])
})

describe('bytes', () => {
  test.each([['application/octet-stream'], ['application/json'], ['rubbish'], [undefined]])('of any kind are written: %s', async (type) => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const put = await inject('PUT', `/v1/machines/${machine}/file?path=/tmp/raw`, { headers, payload: Buffer.from('{"a"') })
    expect([put.statusCode, put.body]).toEqual([204, ''])
    expect((await get('path=/tmp/raw')).body).toBe('{"a"')
    await inject('PUT', `/v1/machines/${machine}/file?path=/tmp/raw&append=true`, { headers, payload: Buffer.from('}') })
    expect((await get('path=/tmp/raw')).body).toBe('{"a"}')
  })

  test('none make an empty file', async () => {
    expect((await inject('PUT', `/v1/machines/${machine}/file?path=/tmp/none`)).statusCode).toBe(204)
    expect(await get('path=/tmp/none')).toMatchObject({ statusCode: 200, body: '', headers: { 'content-length': '0' } })
  })

  test('come with their length, their name, and in parts', async () => {
    await write('/tmp/p "q"\nä.txt', '0123456789')
    const path = `path=${encodeURIComponent('/tmp/p "q"\nä.txt')}`
    const whole = await get(path)
    expect(whole.headers).toMatchObject({
      'content-length': '10',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-disposition': `attachment; filename="p _q___.txt"; filename*=UTF-8''p%20%22q%22%0A%C3%A4.txt`,
    })
    const part = async (range: string) => {
      const { statusCode, headers, body } = await get(path, { range })
      return [statusCode, headers['content-range'], headers['content-length'], statusCode === 416 ? JSON.parse(body).code : body]
    }
    expect(await part('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '3', '234'])
    expect(await part('bytes=7-')).toEqual([206, 'bytes 7-9/10', '3', '789'])
    expect(await part('bytes=-4')).toEqual([206, 'bytes 6-9/10', '4', '6789'])
    expect(await part('bytes=5-5000000000')).toEqual([206, 'bytes 5-9/10', '5', '56789'])
    for (const many of ['bytes=0-1,3-4', 'items=0-1', 'bytes=5-2', 'bytes=-', 'bytes=x-1', `bytes=${' '.repeat(9_000)}1-`])
      expect(await part(many)).toEqual([200, undefined, '10', '0123456789'])
    for (const beyond of ['bytes=10-', 'bytes=99-100', 'bytes=-0'])
      expect(await part(beyond)).toEqual([416, 'bytes */10', expect.any(String), 'range_not_satisfiable'])
    expect((await get(path, { range: 'bytes=2-4', 'if-range': '"v1"' })).statusCode).toBe(200)
    const head = await inject('HEAD', `/v1/machines/${machine}/file?${path}`)
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '10', ''])
  })

  test('of a directory come as a tar', async () => {
    await write('/tmp/pack/inner.txt', 'packed')
    const tar = await get('path=/tmp/pack&archive=tar')
    expect(tar).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'application/x-tar', 'content-disposition': expect.stringContaining('"pack.tar"') },
    })
    expect(tar.rawPayload.includes('inner.txt') && tar.rawPayload.includes('packed')).toBe(true)
    expect((await get('path=/tmp/none&archive=tar')).json()).toMatchObject({ code: 'file_error', details: { reason: 'not_directory' } })
    expect((await get('path=/tmp/none&archive=zip')).json().code).toBe('invalid_request')
  })

  test('a name that is no UTF-8 is itself in a query and a lone surrogate in JSON', async () => {
    const put = await inject('PUT', `/v1/machines/${machine}/file?path=/tmp/odd/%FFa+b%2B`, { payload: Buffer.from('odd') })
    expect(put.statusCode).toBe(204)
    const [one] = (await world.call('GET', `/v1/machines/${machine}/files?path=/tmp/odd`)).body
    expect(one).toMatchObject({ name: '\udcffa b+', path: '/tmp/odd/\udcffa b+' })
    expect((await post('read', { path: one.path })).body.content).toBe('odd')
    expect((await get('path=/tmp/odd/%ffa%20b%2b')).headers['content-disposition']).toContain("UTF-8''%EF%BF%BDa%20b%2B")
  })
})

describe('a form', () => {
  const upload = (options: InjectOptions, path = '/tmp/form') => inject('POST', `/v1/machines/${machine}/file?path=${path}`, options)

  test('gives its part `file`, or is the file alone', async () => {
    expect(
      (
        await upload(
          form([
            ['note', 'skipped'],
            ['file', 'from a form'],
          ]),
        )
      ).statusCode,
    ).toBe(204)
    expect((await get('path=/tmp/form')).body).toBe('from a form')
    const alone = { headers: { 'content-type': 'application/octet-stream' }, payload: Buffer.from('alone') }
    expect((await upload(alone)).statusCode).toBe(204)
    expect((await get('path=/tmp/form')).body).toBe('alone')
  })

  test.each([
    ['no such part', form([['other', 'x']]), 'invalid_request'],
    ['cut short', form([['file', 'x'.repeat(100_000)]], { close: false }), 'invalid_request'],
    ['JSON', { headers: { 'content-type': 'application/json' }, payload: '{}' }, 'unsupported_media_type'],
    ['nothing', {}, 'unsupported_media_type'],
    ['no boundary', { headers: { 'content-type': 'multipart/form-data' }, payload: 'x' }, 'unsupported_media_type'],
  ])('that is none is refused and writes nothing: %s', async (_what, options, code) => {
    expect((await upload(options, '/tmp/unwritten')).json().code).toBe(code)
    expect((await post('exists', { path: '/tmp/unwritten' })).body).toEqual({ exists: false })
  })
})

describe('a batch', () => {
  const batch = async (options: InjectOptions) => {
    const answer = await inject('POST', `/v1/machines/${machine}/files/batch-write`, options)
    return { status: answer.statusCode, body: answer.json() }
  }
  const manifest = (files: object[], more: object = { user: null }): [string, string] => ['manifest', JSON.stringify({ files, ...more })]
  const f = (path: string, field: string) => ({ path, field })

  test('writes each file or says why not, in the order of the manifest', async () => {
    const parts: [string, string][] = [
      manifest([
        f('/tmp/b/1', 'file0'),
        f('/tmp', 'file1'),
        f('/workspace/.nullspace/x', 'file2'),
        f('/tmp/b/3', 'file3'),
        f('/tmp/b/4', 'file4'),
      ]),
      ['file3', 'three'],
      ['file0', 'x'.repeat(300_000)],
      ['file1', 'y'.repeat(300_000)],
      ['file2', ''],
    ]
    expect(await batch(form(parts))).toMatchObject({
      status: 200,
      body: {
        results: [
          { status: 'success', path: '/tmp/b/1', info: { path: '/tmp/b/1', size: 300_000 } },
          { status: 'error', path: '/tmp', error: expect.stringContaining('directory') },
          { status: 'error', path: '/workspace/.nullspace/x', error: expect.stringContaining('reserved') },
          { status: 'success', path: '/tmp/b/3', info: { size: 5 } },
          { status: 'error', path: '/tmp/b/4', error: expect.stringContaining('file4') },
        ],
      },
    })
  })

  test('of no file for no machine is refused all the same', async () => {
    const answer = await inject('POST', '/v1/machines/mch_aaaaaaaaaaaaaaaaaaaa/files/batch-write', form([manifest([])]))
    expect(answer.json()).toMatchObject({ code: 'machine_not_found' })
    expect(await batch(form([manifest([])]))).toEqual({ status: 200, body: { results: [] } })
  })

  test('may bring a little before the manifest, and not much', async () => {
    expect((await batch(form([['a', 'early'], manifest([f('/tmp/early', 'a')])]))).body.results).toMatchObject([{ status: 'success' }])
    const much = await batch(form([['a', 'x'.repeat(9_000_000)], manifest([f('/tmp/late', 'a')])]))
    expect(much.body).toMatchObject({ code: 'invalid_request', error: expect.stringContaining('manifest') })
  })

  test.each<[string, [string, string][], string]>([
    ['no manifest', [['a', 'x']], 'manifest'],
    ['a manifest that is no JSON', [['manifest', '{']], 'manifest'],
    ['an unknown field', [['manifest', '{"files":[],"colour":1}']], 'colour'],
    ['a path of nothing', [manifest([f('', 'a')])], 'manifest.files.0.path'],
    ['a field twice', [manifest([f('/tmp/1', 'a'), f('/tmp/2', 'a')])], 'field a'],
    ['a part that it does not know', [manifest([f('/tmp/1', 'a')]), ['b', 'x']], 'b: '],
    ['a part twice', [manifest([f('/tmp/1', 'a')]), ['a', 'x'], ['a', 'x']], 'a: '],
    ['too many files', [manifest(Array.from({ length: 1001 }, (_, i) => f('/tmp/x', `f${i}`)))], 'manifest'],
  ])('%s is refused by name', async (_what, parts, says) => {
    expect(await batch(form(parts))).toMatchObject({ status: 400, body: { code: 'invalid_request', error: expect.stringContaining(says) } })
  })

  test('of too many parts, of endless heads, of no form at all', async () => {
    const many = Array.from({ length: 1100 }, (_, i): [string, string] => [`f${i}`, ''])
    expect((await batch(form(many))).body.code).toBe('invalid_request')
    const { headers } = form([])
    const endless = `--${BOUNDARY}\r\n${'x-a: b\r\n'.repeat(100_000)}\r\n`
    expect((await batch({ headers, payload: endless } as InjectOptions)).body.code).toBe('invalid_request')
    expect((await batch({ headers, payload: 'no form at all' } as InjectOptions)).body.code).toBe('invalid_request')
  })
})

describe('a signed address', () => {
  const sign = async (verb: 'download-url' | 'upload-url', path: string, headers = {}) =>
    (await world.call('POST', `/v1/machines/${machine}/files/${verb}`, { body: { path, user: null }, headers })).body
  const at = (url: string) => `${new URL(url).pathname}${new URL(url).search}`
  const anyone = (method: 'GET' | 'PUT' | 'POST', url: string, options: InjectOptions = {}) =>
    world.daemon.http.inject({ method, url: at(url), ...options })

  test('gives and takes one file without a key', async () => {
    const up = await sign('upload-url', '/tmp/signed')
    expect(Object.keys(up)).toEqual(['url', 'token'])
    expect((await anyone('PUT', up.url, { payload: Buffer.from('put') })).statusCode).toBe(204)
    const down = await sign('download-url', '/tmp/signed', { host: 'box.example:8443', 'x-forwarded-proto': 'https' })
    expect(new URL(down.url).origin).toBe('https://box.example:8443')
    expect((await anyone('GET', down.url, { headers: { range: 'bytes=1-' } })).body).toBe('ut')
    expect((await anyone('POST', up.url, form([['file', 'posted']]))).statusCode).toBe(204)
    expect((await anyone('GET', down.url)).body).toBe('posted')
  })

  test('is for one purpose, for ten minutes, and only as it was signed', async () => {
    const up = await sign('upload-url', '/tmp/signed')
    const { url } = await sign('download-url', '/tmp/signed')
    const refused = async (method: 'GET' | 'PUT', address: string) => {
      const answer = await anyone(method, address)
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthorized'])
    }
    await refused('GET', up.url)
    await refused('PUT', url)
    const [text = '', signature = ''] = up.token.split('.')
    const grant = JSON.parse(Buffer.from(text, 'base64url').toString())
    const other = Buffer.from(JSON.stringify({ ...grant, path: '/etc/passwd' })).toString('base64url')
    const base = up.url.split('token=')[0]
    for (const token of [
      `${other}.${signature}`,
      text,
      `${text}.`,
      `${text}.${signature}.x`,
      `.${signature}`,
      'x',
      `${text}.${'A'.repeat(43)}`,
    ])
      await refused('PUT', `${base}token=${token}`)
    world.clock.step(599_000)
    expect((await anyone('GET', url)).statusCode).toBe(200)
    world.clock.step(2_000)
    await refused('GET', url)
  })

  test('ends with the key that made it, and with the machine', async () => {
    const { key, id } = (await world.call('POST', '/v1/keys', { body: { name: 'short' } })).body
    const made = await world.call('POST', `/v1/machines/${machine}/files/download-url`, { body: { path: '/tmp/signed' }, key })
    expect((await anyone('GET', made.body.url)).statusCode).toBe(200)
    await world.call('DELETE', `/v1/keys/${id}`)
    expect((await anyone('GET', made.body.url)).statusCode).toBe(401)
    const gone = await world.machine()
    const { url } = (await world.call('POST', `/v1/machines/${gone.id}/files/download-url`, { body: { path: '/tmp/x' } })).body
    await world.call('DELETE', `/v1/machines/${gone.id}`)
    expect((await anyone('GET', url)).json().code).toBe('machine_not_found')
  })

  test('is not made for a machine of another, for what is reserved, or for a path without end', async () => {
    const { key } = await world.otherOwner()
    const ask = async (path: string, as?: string) =>
      (await world.call('POST', `/v1/machines/${machine}/files/download-url`, { body: { path }, ...(as ? { key: as } : {}) })).body.code
    expect(await ask('/tmp/signed', key)).toBe('machine_not_found')
    expect(await ask('/workspace/.nullspace/key')).toBe('invalid_request')
    expect(await ask(`/${'ü'.repeat(4000)}`)).toBe('invalid_request')
  })
})

describe('hostile paths', () => {
  const paths = [
    '/workspace/.nullspace',
    '/workspace/x/../.nullspace/y',
    '.nullspace/y',
    './/.nullspace',
    'a/../.nullspace',
    '/a\0b',
    '',
    '/'.repeat(4096),
  ]
  const fields: [verb: string, body: (path: string) => object][] = [
    ['read', (path) => ({ path })],
    ['write', (path) => ({ path, content: '' })],
    ['info', (path) => ({ path })],
    ['exists', (path) => ({ path })],
    ['mkdir', (path) => ({ path })],
    ['remove', (path) => ({ path })],
    ['rename', (path) => ({ old_path: path, new_path: '/tmp/x' })],
    ['rename', (path) => ({ old_path: '/tmp/x', new_path: path })],
    ['permissions', (path) => ({ path, permissions: '0644' })],
    ['find', (path) => ({ path, pattern: 'x' })],
    ['search', (path) => ({ path, pattern: 'x' })],
    ['replace', (path) => ({ files: ['/tmp/x', path], pattern: 'x', replacement: 'y' })],
    ['download-url', (path) => ({ path })],
    ['upload-url', (path) => ({ path })],
  ]
  test.each(fields)('%s refuses them', async (verb, body) => {
    for (const path of paths) expect((await post(verb, body(path))).body.code, JSON.stringify(path.slice(0, 40))).toBe('invalid_request')
  })
  test('so do those in a query', async () => {
    for (const path of paths) {
      const query = `path=${encodeURIComponent(path)}`
      const answers = [
        await inject('GET', `/v1/machines/${machine}/file?${query}`),
        await inject('PUT', `/v1/machines/${machine}/file?${query}`, { payload: 'x' }),
        await inject('POST', `/v1/machines/${machine}/file?${query}`, form([['file', 'x']])),
        await inject('GET', `/v1/machines/${machine}/files?${query}`),
      ]
      for (const answer of answers) expect([answer.json().code, answer.json().details?.field]).toEqual(['invalid_request', 'path'])
    }
  })
  test.each([
    ['a path that is no text', { path: 7 }],
    ['a user that is a path', { path: '/x', user: '../root' }],
    ['an unknown field', { path: '/x', follow: true }],
    ['an encoding of our own', { path: '/x', encoding: 'latin1' }],
  ])('%s', async (_what, body) => {
    expect((await post('read', body)).body.code).toBe('invalid_request')
  })
  test('JSON of any depth', async () => {
    const deep = `{"path":"/x","content":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    expect((await post('write', deep)).body.code).toBe('invalid_request')
    expect(
      (await world.call('POST', '/v1/machines', { body: `{"metadata":{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}}` })).body.code,
    ).toBe('invalid_request')
  })
})
