// The client's side: versions, configuration, whether the daemon answers and takes the key.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { getHostStatus, healthCheck, type CheckResult, type HostStatus } from '@nullspace/contract/host.ts'
import { AuthError, MachineError, VERSION, findConfig } from '@nullspace/sdk'
import { clientOf } from '../core/client-of.ts'
import type { Io } from '../core/io.ts'
import { fingerprint } from '../auth/fingerprint.ts'

/** What is known of the daemon: its own words, only that it answers, that it should be on this box but does not, or nothing. */
export type HostView =
  | { readonly is: 'told'; readonly status: HostStatus }
  | { readonly is: 'silent' }
  | { readonly is: 'local' }
  | { readonly is: 'away' }

export async function clientChecks(io: Io): Promise<{ readonly checks: CheckResult[]; readonly host: HostView }> {
  const { apiKey, baseUrl } = findConfig({}, io)
  const client = clientOf(io)
  const limits = { signal: io.signal, requestTimeoutMs: 10_000 }
  const checks: CheckResult[] = [
    { name: 'cli', level: 'ok', found: `nullspace ${VERSION}` },
    { name: 'node', level: 'ok', found: process.version },
    await pythonCheck(),
    { name: 'api_url', level: 'ok', found: `${baseUrl.value} (from ${baseUrl.source})` },
    keyCheck(apiKey.value, apiKey.source),
  ]
  const unreachable = await failureOf(() => client.call(healthCheck, {}, limits))
  if (unreachable) {
    const local = isLoopback(baseUrl.value)
    // A box on which nothing was started yet is not broken.
    const level = local && baseUrl.source !== 'env' ? 'warning' : 'failure'
    const fix = local ? 'Start it with "nullspace daemon start".' : 'Check NULLSPACE_API_URL and the way there.'
    checks.push({ name: 'daemon', level, found: unreachable.message, fix })
    return { checks, host: { is: local ? 'local' : 'away' } }
  }
  checks.push({ name: 'daemon', level: 'ok', found: `answers at ${client.baseUrl}` })
  let status: HostStatus | undefined
  const refused = await failureOf(async () => {
    status = await client.call(getHostStatus, {}, limits)
  })
  if (refused) checks.push({ name: 'key_validity', level: 'failure', found: refused.message, ...fixOf(refused) })
  else checks.push({ name: 'key_validity', level: 'ok', found: 'the daemon takes the key' })
  return { checks, host: status === undefined ? { is: 'silent' } : { is: 'told', status } }
}

function keyCheck(key: string | undefined, source: string): CheckResult {
  if (key !== undefined) return { name: 'api_key', level: 'ok', found: `${fingerprint(key)} (from ${source})` }
  return {
    name: 'api_key',
    level: 'warning',
    found: 'none is configured',
    fix: 'Start the daemon on this box, or run "nullspace auth login".',
  }
}

async function pythonCheck(): Promise<CheckResult> {
  try {
    const { stdout } = await promisify(execFile)('python3', ['--version'], { timeout: 5000 })
    return { name: 'python', level: 'ok', found: stdout.trim() }
  } catch {
    return { name: 'python', level: 'info', found: 'no python3; only the Python client needs it' }
  }
}

async function failureOf(work: () => Promise<unknown>): Promise<MachineError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof MachineError) return error
    throw error
  }
}

function fixOf(error: MachineError): { fix?: string } {
  if (error instanceof AuthError) return { fix: 'Set NULLSPACE_API_KEY or run "nullspace auth login"; "nullspace key create" makes a key.' }
  return error.suggestedAction === undefined ? {} : { fix: error.suggestedAction }
}

function isLoopback(url: string): boolean {
  const host = URL.parse(url)?.hostname ?? ''
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}
