// The host's side: in the daemon's words when it answers, else by its own program on this box.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { HostStatus, type CheckResult } from '@nullspace/contract/host.ts'
import type { Io } from '../core/io.ts'
import { serverEntry } from '../daemon/place.ts'
import { describe } from '../daemon/shapes.ts'
import type { HostView } from './client-checks.ts'

const TIMEOUT_MS = 120_000
const Checks = HostStatus.shape.checks

export async function hostChecks(host: HostView, io: Io): Promise<CheckResult[]> {
  if (host.is === 'told') return [...host.status.checks, ...host.status.shapes.map(shapeCheck)]
  if (host.is === 'local') return localChecks(io)
  return []
}

function shapeCheck(shape: HostStatus['shapes'][number]): CheckResult {
  const { name, state } = describe(shape)
  if (shape.state === 'failed')
    return { name: 'shape', level: 'failure', found: `${name}: ${state}`, fix: '"nullspace daemon logs" says why.' }
  return { name: 'shape', level: shape.state === 'ready' ? 'ok' : 'info', found: `${name}: ${state}` }
}

async function localChecks(io: Io): Promise<CheckResult[]> {
  const entry = serverEntry(io.env)
  if (!existsSync(entry)) return [{ name: 'host', level: 'info', found: 'the daemon is not installed on this box' }]
  const { output, problem } = await run(entry, io)
  const checks = Checks.safeParse(checksIn(output))
  if (checks.success) return checks.data
  return [
    {
      name: 'host',
      level: 'failure',
      found: `the daemon’s own check could not be run: ${problem}`,
      fix: `Run "node ${entry} doctor" by hand.`,
    },
  ]
}

function checksIn(output: string): unknown {
  try {
    const json: unknown = JSON.parse(output)
    return typeof json === 'object' && json !== null && 'checks' in json ? json.checks : undefined
  } catch {
    return undefined
  }
}

/** Never rejects: a failed check is exit code 1, and then the output counts all the same. */
function run(entry: string, io: Io): Promise<{ readonly output: string; readonly problem: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [entry, 'doctor', '--json'],
      { env: io.env, timeout: TIMEOUT_MS, signal: io.signal },
      (error, stdout, stderr) => {
        resolve({ output: stdout, problem: stderr.trim().split('\n').at(-1) || error?.message || 'it printed no checks' })
      },
    )
  })
}
