import { appendFile, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HEADER_BYTES, openStateFile, writeStateFile, type StateTraits } from './state-file.ts'

const traits: StateTraits = {
  driver: 'qemu',
  compatibility: { accelerator: 'tcg', cpuModel: 'max', version: '7.2.22', machine: 'microvm/1' },
  vcpus: 1,
  memoryMb: 256,
}
let dir: string
let path: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'state-'))
  path = join(dir, 'state')
  await writeFile(join(dir, 'stream'), 'device state')
  await writeStateFile(path, join(dir, 'stream'), traits)
})
afterEach(() => rm(dir, { recursive: true }))

const refusal = (wanted = traits, file = path): Promise<string> =>
  openStateFile(file, wanted).then(
    async (opened) => opened.close().then(() => 'opened'),
    (error: Error & { code: string }) => `${error.code}: ${error.message.replace(dir, '')}`,
  )

test('gives back what was put in, from its first byte', async () => {
  await using file = await openStateFile(path, traits)
  expect(await file.readFile('utf8')).toBe('device state')
})

test('says what it is in its first line', async () => {
  const [line = ''] = (await readFile(path, 'utf8')).split('\n')
  expect(JSON.parse(line)).toMatchObject({ magic: 'nullspace-device-state', format: 1, bytes: 12, memoryMb: 256 })
  expect((await readFile(path)).indexOf('device state', 4000)).toBe(HEADER_BYTES)
})

test('says all that does not fit', async () => {
  const other = { ...traits, vcpus: 2, compatibility: { ...traits.compatibility, version: '10.0.3' } }
  expect(await refusal(other)).toMatchInlineSnapshot(
    `"incompatible_snapshot: The snapshot does not fit: made with vcpus 1, wanted 2; made with version 7.2.22, wanted 10.0.3"`,
  )
})

test('refuses what is not whole', async () => {
  await truncate(path, HEADER_BYTES + 5)
  expect(await refusal()).toMatchInlineSnapshot(`"bad_snapshot: /state is damaged: it has 5 of 12 bytes, or others than were written"`)
  await truncate(path, 10)
  expect(await refusal()).toMatchInlineSnapshot(`"bad_snapshot: /state is no device state"`)
})

test('refuses what was written over, or on', async () => {
  await appendFile(path, '!')
  expect(await refusal()).toMatchInlineSnapshot(`"bad_snapshot: /state is damaged: it has 13 of 12 bytes, or others than were written"`)
})

test('refuses another format, and says which it reads', async () => {
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"format":1', '"format":9'))
  expect(await refusal()).toMatchInlineSnapshot(`"incompatible_snapshot: /state has format 9; this release reads 1"`)
})

test('follows no link', async () => {
  await symlink('/etc/shadow', join(dir, 'link'))
  expect(await refusal(traits, join(dir, 'link'))).toMatchInlineSnapshot(`"bad_snapshot: The device state cannot be opened: /link"`)
  await expect(writeStateFile(path, join(dir, 'link'), traits)).rejects.toMatchObject({ code: 'bad_snapshot' })
})
