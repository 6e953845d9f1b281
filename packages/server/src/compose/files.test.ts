import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../config.ts'
import { writeClientConfig } from './files.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nullspace-compose-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

describe('the clients’ configuration', () => {
  const ours = { api_key: 'ours', base_url: 'http://127.0.0.1:4000' }
  const path = (): string => join(dir, 'nullspace/config.json')
  const there = (): unknown => JSON.parse(readFileSync(path(), 'utf8'))
  const put = async (values: object): Promise<void> => {
    await writeClientConfig(path(), ours, true)
    writeFileSync(path(), JSON.stringify(values))
  }

  it('is made, with its directory', async () => {
    expect(await writeClientConfig(path(), ours, false)).toBe(true)
    expect(there()).toEqual(ours)
  })

  it.each([
    ['our key at an old address', { api_key: 'ours', base_url: 'http://127.0.0.1:1', theme: 'dark' }],
    ['an old key at our address', { api_key: 'old', base_url: ours.base_url, theme: 'dark' }],
    ['neither', { theme: 'dark' }],
  ])('is brought up to date, and keeps what else is there: %s', async (_, old) => {
    await put(old)
    expect(await writeClientConfig(path(), ours, false)).toBe(true)
    expect(there()).toEqual({ ...ours, theme: 'dark' })
  })

  it.each([
    ['', { api_key: 'theirs', base_url: 'http://127.0.0.1:3000' }],
    [', by its address alone', { base_url: 'https://elsewhere.example' }],
    [', by its key alone', { api_key: 'theirs' }],
  ])('is left when it names another daemon%s, unless it is ours', async (_, theirs) => {
    await put(theirs)
    expect(await writeClientConfig(path(), ours, false)).toBe(false)
    expect(there()).toEqual(theirs)
    expect(await writeClientConfig(path(), ours, true)).toBe(true)
    expect(there()).toEqual(ours)
  })

  it.each([
    [{}, true],
    [{ NULLSPACE_DATA_DIR: '/nowhere/else' }, false],
    [{ NULLSPACE_DATA_DIR: '/nowhere/else', NULLSPACE_CLIENT_CONFIG: '/nowhere/config.json' }, true],
  ])('is ours on the usual data directory, and where it is named: %j', (env, owns) => {
    expect(readConfig({ HOME: dir, ...env }).ownsClientConfig).toBe(owns)
  })
})
