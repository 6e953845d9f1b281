// Many files of a machine in one form.

import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { BOUNDARY, form, useFiles } from './files-ground.ts'

const here = useFiles()
const { inject } = here

describe('a batch', () => {
  const batch = async (options: InjectOptions) => {
    const answer = await inject('POST', `/v1/machines/${here.machine}/files/batch-write`, options)
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
    expect((await batch(form(many))).body).toMatchObject({ code: 'invalid_request', error: expect.stringContaining('1001 parts') })
    const { headers } = form([])
    const none = { code: 'invalid_request', error: expect.stringContaining('is none') }
    const endless = `--${BOUNDARY}\r\n${'x-a: b\r\n'.repeat(100_000)}\r\n`
    expect((await batch({ headers, payload: endless } as InjectOptions)).body).toMatchObject(none)
    expect((await batch({ headers, payload: 'no form at all' } as InjectOptions)).body).toMatchObject(none)
  })
})
