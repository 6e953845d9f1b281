import { chown, link, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { lend } from './lend.ts'

const op = (timeoutMs = 5000): Op => new Op('lend', { timeoutMs })
let dir: string
let memory: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lend-'))
  memory = join(dir, 'memory')
  await writeFile(memory, 'secret', { mode: 0o644 })
})
afterEach(() => rm(dir, { recursive: true }))

const access = async (): Promise<string> => {
  const { uid, mode } = await stat(memory)
  return `${uid} ${(mode & 0o777).toString(8)}`
}

describe.runIf(process.getuid?.() === 0)('as root', () => {
  test('the file is one VM’s, then root’s, then the next one’s, whatever name it has', async () => {
    await link(memory, join(dir, 'other'))
    const first = await lend(op(), memory, { uid: 70_001, gid: 70_000 })
    expect(await access()).toBe('70001 600')
    const second = lend(op(), join(dir, 'other'), { uid: 70_002, gid: 70_000 })
    await expect(lend(op(20), memory, { uid: 70_003, gid: 70_000 })).rejects.toThrow('longer than allowed')
    expect(await access()).toBe('70001 600')
    await first.takeBack()
    await first.takeBack()
    {
      await using _ = await second
      expect(await access()).toBe('70002 600')
    }
    expect(await access()).toBe('0 600')
  })

  test('what a daemon left lent when it died is set right', async () => {
    await chown(memory, 70_009, 70_009)
    const lent = await lend(op(), memory, { uid: 70_001, gid: 70_000 })
    expect(await access()).toBe('70001 600')
    await lent.takeBack()
    expect(await access()).toBe('0 600')
  })

  test('follows no link', async () => {
    await symlink(memory, join(dir, 'link'))
    await expect(lend(op(), join(dir, 'link'), { uid: 1, gid: 1 })).rejects.toMatchObject({ code: 'bad_snapshot' })
    expect(await access()).toBe('0 644')
  })
})
