import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { VERSION } from '@nullspace/sdk'
import { expect, test } from 'vitest'

const BIN = fileURLToPath(new URL('../bin/nullspace', import.meta.url))

test('the program itself: output and exit code', () => {
  const nullspace = (...argv: string[]) => spawnSync(process.execPath, [BIN, ...argv], { encoding: 'utf8' })
  expect(nullspace('--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n`, stderr: '' })
  expect(nullspace('machine', 'crate')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: "error: unknown command 'crate' (invalid_request)\nDid you mean create?\n",
  })
})
