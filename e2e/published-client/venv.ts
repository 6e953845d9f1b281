// The published client in a venv of its own, made once and kept under `.cache` by version.

import { execFile } from 'node:child_process'
import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const CLIENT = 'nullspace-sdk==1.0.3'
const CACHE = join(import.meta.dirname, '../../.cache/published-client')

const run = promisify(execFile)

/** Path of a Python that has the published client. */
export async function publishedClientPython(): Promise<string> {
  const venv = join(CACHE, CLIENT)
  const python = join(venv, 'bin', 'python')
  const complete = join(venv, 'complete')
  if (await exists(complete)) return python
  // Not moved into place afterwards: a venv knows its own path. The mark at the end tells a whole one from a torn one.
  await rm(venv, { recursive: true, force: true })
  await mkdir(CACHE, { recursive: true })
  await run('python3', ['-m', 'venv', venv])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', CLIENT], { timeout: 300_000 })
  await mkdir(complete)
  return python
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
