// What a daemon leaves for those who look for it: its address, the operator's key, and the clients' configuration.

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface DaemonRecord {
  readonly pid: number
  /** Field 22 of /proc/PID/stat. */
  readonly start_time: string
  readonly url: string
  readonly version: string
  /** Null when clients find this daemon by no file. */
  readonly client_config: string | null
}

const KEY_BYTES = 32

export const recordPath = (dataDir: string): string => join(dataDir, 'daemon.json')
export const operatorKeyPath = (dataDir: string): string => join(dataDir, 'operator-api-key')

export async function writeRecord(dataDir: string, record: DaemonRecord): Promise<void> {
  await replaceFile(recordPath(dataDir), `${JSON.stringify(record)}\n`, 0o644)
}
export async function removeRecord(dataDir: string): Promise<void> {
  await rm(recordPath(dataDir), { force: true })
}

let held: DatabaseSync | undefined

/**
 * Takes the data directory for this process alone, until it ends in whatever way; false when another has it. The lock is
 * one of SQLite's, since Node has no other that the kernel lets go of.
 */
export function holdDataDir(dataDir: string): boolean {
  const path = join(dataDir, 'lock')
  closeSync(openSync(path, 'a', 0o600))
  held = new DatabaseSync(path)
  try {
    held.exec('pragma locking_mode = exclusive; begin exclusive')
    return true
  } catch {
    held.close()
    return false
  }
}

/** The daemon that runs on this data directory now; null when none does. */
export async function runningDaemon(dataDir: string): Promise<DaemonRecord | null> {
  const text = await readFile(recordPath(dataDir), 'utf8').catch(() => null)
  if (text === null) return null
  const record = JSON.parse(text) as DaemonRecord
  return startTimeOf(record.pid) === record.start_time ? record : null
}

export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in the second field may hold spaces and brackets; fields are counted from after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

export interface ClientConfig {
  readonly api_key: string
  readonly base_url: string
}

/**
 * Keeps what else stands in the file, such as settings of a tool that shares it. False: it names another daemon, by address and key,
 * and was left; with `own` it is replaced. Where one of the two is ours, the other is only old.
 */
export async function writeClientConfig(path: string, values: ClientConfig, own: boolean): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '{}')
  let old: unknown
  try {
    old = JSON.parse(text)
  } catch {
    throw new Error(`${path} is not JSON; move it away and start again`)
  }
  const kept = typeof old === 'object' && old !== null ? (old as Record<string, unknown>) : {}
  const { api_key: key, base_url: url } = kept
  if (key === values.api_key && url === values.base_url) return true
  const isAnothers = (key !== undefined || url !== undefined) && key !== values.api_key && url !== values.base_url
  if (isAnothers && !own) return false
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await replaceFile(path, `${JSON.stringify({ ...kept, ...values }, null, 2)}\n`, 0o600)
  return true
}

export async function writeOperatorKey(dataDir: string, key: string): Promise<void> {
  await replaceFile(operatorKeyPath(dataDir), `${key}\n`, 0o600)
}
export async function readOperatorKey(dataDir: string): Promise<string | null> {
  return (await readFile(operatorKeyPath(dataDir), 'utf8').catch(() => null))?.trim() ?? null
}

/** Made at the first start. What was signed with one that is lost is not valid any more. */
export async function fileUrlKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, 'file-url-key')
  const known = Buffer.from((await readFile(path, 'utf8').catch(() => '')).trim(), 'hex')
  if (known.length === KEY_BYTES) return known
  const made = randomBytes(KEY_BYTES)
  await replaceFile(path, `${made.toString('hex')}\n`, 0o600)
  return made
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const partial = `${path}.${process.pid}.partial`
  await writeFile(partial, text, { mode })
  const file = await open(partial, 'r')
  await file.sync().finally(() => file.close())
  await rename(partial, path)
}
