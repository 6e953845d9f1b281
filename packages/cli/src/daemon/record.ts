// daemon.json: which process is the daemon. A pid alone proves nothing after a reboot, so its start time must fit too.

import { readFileSync } from 'node:fs'
import { Client } from '@nullspace/sdk'
import type { Io } from '../core/io.ts'
import { clientOf } from '../core/client-of.ts'
import { readOperatorKey, type Place } from './place.ts'

export interface DaemonRecord {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string
  readonly url: string
  readonly version: string
  /** Config file with key and URL that the daemon wrote for the clients of its user; undefined when it wrote none. */
  readonly clientConfig: string | undefined
}

/** What daemon.json says, if the process it names is alive. */
export function runningDaemon(place: Place): DaemonRecord | undefined {
  const record = readRecord(place.record)
  return record !== undefined && isAlive(record) ? record : undefined
}

export function isAlive({ pid, startTime }: DaemonRecord): boolean {
  return startTimeOf(pid) === startTime
}

/** With the operator's key when it can be read, else with the user's own. */
export function daemonClient(place: Place, { url }: DaemonRecord, io: Io): Client {
  const key = readOperatorKey(place)
  return key === undefined ? clientOf({ ...io, env: { ...io.env, NULLSPACE_API_URL: url } }) : new Client({ apiKey: key, baseUrl: url })
}

function readRecord(path: string): DaemonRecord | undefined {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null) return undefined
  const { pid, start_time, url, version, client_config }: Readonly<Record<string, unknown>> = { ...json }
  if (typeof pid !== 'number' || typeof url !== 'string') return undefined
  return {
    pid,
    startTime: String(start_time),
    url,
    version: typeof version === 'string' ? version : 'unknown',
    clientConfig: typeof client_config === 'string' ? client_config : undefined,
  }
}

/** Undefined when there is no such process, or only its zombie. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The name of the program, in parentheses, may hold anything; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : fields[19]
}
