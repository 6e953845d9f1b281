// Addresses of one file that need no key.

import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { form, useFiles } from './files-ground.ts'

const here = useFiles()

describe('a signed address', () => {
  const sign = async (verb: 'download-url' | 'upload-url', path: string, headers = {}) =>
    (await here.world.call('POST', `/v1/machines/${here.machine}/files/${verb}`, { body: { path, user: null }, headers })).body
  const at = (url: string) => `${new URL(url).pathname}${new URL(url).search}`
  const anyone = (method: 'GET' | 'PUT' | 'POST', url: string, options: InjectOptions = {}) =>
    here.world.daemon.http.inject({ method, url: at(url), ...options })

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
    here.world.clock.step(599_000)
    expect((await anyone('GET', url)).statusCode).toBe(200)
    here.world.clock.step(2_000)
    await refused('GET', url)
  })

  test('ends with the key that made it, and with the machine', async () => {
    const { key, id } = (await here.world.call('POST', '/v1/keys', { body: { name: 'short' } })).body
    const made = await here.world.call('POST', `/v1/machines/${here.machine}/files/download-url`, { body: { path: '/tmp/signed' }, key })
    expect((await anyone('GET', made.body.url)).statusCode).toBe(200)
    await here.world.call('DELETE', `/v1/keys/${id}`)
    expect((await anyone('GET', made.body.url)).statusCode).toBe(401)
    const gone = await here.world.machine()
    const { url } = (await here.world.call('POST', `/v1/machines/${gone.id}/files/download-url`, { body: { path: '/tmp/x' } })).body
    await here.world.call('DELETE', `/v1/machines/${gone.id}`)
    expect((await anyone('GET', url)).json().code).toBe('machine_not_found')
  })

  test('is not made for a machine of another, for what is reserved, or for a path without end', async () => {
    const { key } = await here.world.otherOwner()
    const ask = async (path: string, as?: string) =>
      (await here.world.call('POST', `/v1/machines/${here.machine}/files/download-url`, { body: { path }, ...(as ? { key: as } : {}) }))
        .body.code
    expect(await ask('/tmp/signed', key)).toBe('machine_not_found')
    expect(await ask('/workspace/.nullspace/key')).toBe('invalid_request')
    expect(await ask(`/${'ü'.repeat(4000)}`)).toBe('invalid_request')
  })
})
