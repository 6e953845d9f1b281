// Files of a machine over HTTP as bytes: whole, in parts, as an archive, and out of a form.

import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { form, useFiles } from './files-ground.ts'

const here = useFiles()
const { post, write, inject, get } = here

describe('bytes', () => {
  test.each([['application/octet-stream'], ['application/json'], ['rubbish'], [undefined]])('of any kind are written: %s', async (type) => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const put = await inject('PUT', `/v1/machines/${here.machine}/file?path=/tmp/raw`, { headers, payload: Buffer.from('{"a"') })
    expect([put.statusCode, put.body]).toEqual([204, ''])
    expect((await get('path=/tmp/raw')).body).toBe('{"a"')
    await inject('PUT', `/v1/machines/${here.machine}/file?path=/tmp/raw&append=true`, { headers, payload: Buffer.from('}') })
    expect((await get('path=/tmp/raw')).body).toBe('{"a"}')
  })

  test('none make an empty file', async () => {
    expect((await inject('PUT', `/v1/machines/${here.machine}/file?path=/tmp/none`)).statusCode).toBe(204)
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
    const head = await inject('HEAD', `/v1/machines/${here.machine}/file?${path}`)
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
    const put = await inject('PUT', `/v1/machines/${here.machine}/file?path=/tmp/odd/%FFa+b%2B`, { payload: Buffer.from('odd') })
    expect(put.statusCode).toBe(204)
    const [one] = (await here.world.call('GET', `/v1/machines/${here.machine}/files?path=/tmp/odd`)).body
    expect(one).toMatchObject({ name: '\udcffa b+', path: '/tmp/odd/\udcffa b+' })
    expect((await post('read', { path: one.path })).body.content).toBe('odd')
    expect((await get('path=/tmp/odd/%ffa%20b%2b')).headers['content-disposition']).toContain("UTF-8''%EF%BF%BDa%20b%2B")
  })
})

describe('a form', () => {
  const upload = (options: InjectOptions, path = '/tmp/form') => inject('POST', `/v1/machines/${here.machine}/file?path=${path}`, options)

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
