import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileInfoOf } from '../test/file-samples.ts'
import { fileWorld, once, text, type FileWorld } from '../test/file-world.ts'
import { BatchWriteError } from './index.ts'

let world: FileWorld
let daemon: FileWorld['daemon']
let files: FileWorld['files']
let seen: FileWorld['seen']
beforeEach(async () => {
  world = await fileWorld()
  ;({ daemon, files, seen } = world)
})
afterEach(() => world[Symbol.asyncDispose]())

describe('writeMany', () => {
  test('a manifest and then the files, of whatever they are', async () => {
    const parts: [string, string][] = []
    daemon.on({
      async batchWriteFiles({ body }) {
        for await (const part of body.parts) parts.push([part.name, await text(part.bytes)])
        const results = ['/w/a', '/w/\udcff', '/w/c'].map((path) => ({ status: 'success' as const, path, info: fileInfoOf(path) }))
        return { results }
      },
    })
    const all = await files.writeMany(
      [
        { path: '/w/a', content: 'text' },
        { path: '/w/\udcff', content: Uint8Array.from([104, 105]) },
        { path: '/w/c', content: once('st', 'ream') },
      ],
      { user: 'me' },
    )
    expect(all.map(({ path }) => path)).toEqual(['/w/a', '/w/\udcff', '/w/c'])
    const manifest = {
      files: [
        { path: '/w/a', field: 'file0' },
        { path: '/w/\udcff', field: 'file1' },
        { path: '/w/c', field: 'file2' },
      ],
      user: 'me',
    }
    expect(JSON.parse(parts[0]?.[1] ?? '')).toEqual(manifest)
    expect(parts[0]?.[1]).toContain(String.raw`\udcff`)
    expect(parts.slice(1)).toEqual([
      ['file0', 'text'],
      ['file1', 'hi'],
      ['file2', 'stream'],
    ])
  })

  test('some that were not written', async () => {
    daemon.on({
      batchWriteFiles: () => ({
        results: [
          { status: 'success', path: '/w/a', info: fileInfoOf('/w/a') },
          { status: 'error', path: '/w/b', error: 'It is a directory.' },
        ],
      }),
    })
    const failed = await files.writeMany(['/w/a', '/w/b'].map((path) => ({ path, content: '' }))).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(BatchWriteError)
    expect(failed).toMatchObject({
      code: 'batch_write_partial_failure',
      message: '1 of 2 files were not written; /w/b: It is a directory.',
      successes: [{ path: '/w/a' }],
      failures: [{ path: '/w/b', error: 'It is a directory.' }],
    })
  })

  test('none at all sends nothing', async () => {
    expect(await files.writeMany([])).toEqual([])
    expect(seen()).toHaveLength(0)
  })
})
