import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Op } from '../../observe/op.ts'

const run = promisify(execFile)

/** Copies a file of mostly holes without writing them; shares blocks where both are on one reflinking filesystem. */
export async function copySparse(op: Op, from: string, to: string): Promise<void> {
  await run('cp', ['--sparse=always', '--reflink=auto', '--', from, to], { signal: op.signal })
}
