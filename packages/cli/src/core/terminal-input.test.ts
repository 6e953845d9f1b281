import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, readAll, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'

const BIN = fileURLToPath(new URL('../../bin/nullspace', import.meta.url))

let daemon: FakeDaemon
beforeEach(async () => {
  daemon = await fakeDaemon()
})
afterEach(() => daemon[Symbol.asyncDispose]())

test.each([
  ['file write', ['file', 'write', 'mch_x', '/w/a', '-']],
  ['upload', ['upload', 'mch_x', '-', '/w/a']],
])('standard input that cannot be read is not taken for an empty one: %s', async (_, argv) => {
  const whole: Buffer[] = []
  daemon.on({
    async uploadFileRaw({ body }) {
      whole.push(await readAll(body.bytes))
    },
  })
  // A process has nothing at its address nought: it can be opened, and not read.
  const unreadable = openSync('/proc/self/mem', 'r')
  try {
    const child = spawn(process.execPath, [BIN, 'machine', ...argv], {
      stdio: [unreadable, 'ignore', 'pipe'],
      env: { ...process.env, NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key },
    })
    const { stderr } = child
    const [said, [code]] = await Promise.all([readAll(stderr!), once(child, 'exit')]) // it is a pipe
    expect(said.toString()).toContain('error: EIO: i/o error, read (local_file_error)\n')
    expect(code).toBe(1)
  } finally {
    closeSync(unreadable)
  }
  expect(whole).toEqual([])
})
