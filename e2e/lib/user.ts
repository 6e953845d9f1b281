// Somebody on the daemon's host with a program of ours. Nothing of the caller's settings counts, only the file that the
// daemon wrote.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { REPO } from './daemon.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const
export const CLI = [...NODE, join(REPO, 'packages/cli/bin/nullspace')] as const

/** As XDG_CONFIG_HOME `clientDir` holds the client configuration. */
export function runAsUser(
  clientDir: string,
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const own = {
    PATH: process.env['PATH'] ?? '',
    HOME: join(clientDir, 'home'),
    XDG_CONFIG_HOME: clientDir,
    NO_PROXY: '*',
    ...env,
  }
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: clientDir, env: own, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? (child.exitCode ?? -1) : 0, stdout, stderr })
    })
  })
}
