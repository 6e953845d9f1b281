// Paths and bodies that are meant to do harm.

import { describe, expect, test } from 'vitest'
import { form, useFiles } from './files-ground.ts'

const here = useFiles()
const { post, inject } = here

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
        await inject('GET', `/v1/machines/${here.machine}/file?${query}`),
        await inject('PUT', `/v1/machines/${here.machine}/file?${query}`, { payload: 'x' }),
        await inject('POST', `/v1/machines/${here.machine}/file?${query}`, form([['file', 'x']])),
        await inject('GET', `/v1/machines/${here.machine}/files?${query}`),
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
      (await here.world.call('POST', '/v1/machines', { body: `{"metadata":{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}}` })).body
        .code,
    ).toBe('invalid_request')
  })
})
