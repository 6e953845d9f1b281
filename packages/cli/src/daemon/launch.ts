// Starting the daemon's process: in the background until it answers, or in the foreground until it ends.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs'
import { healthCheck } from '@nullspace/contract/host.ts'
import { Client, MachineError } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { CliError } from '../core/failure.ts'
import type { Io } from '../core/io.ts'
import { duration } from '../core/table.ts'
import { lastLines, readFrom } from './log-file.ts'
import { pause } from './pause.ts'
import { serverEntry, type Place } from './place.ts'
import { runningDaemon, type DaemonRecord } from './record.ts'

export interface LaunchOptions {
  readonly port: number | undefined
  readonly driver: string | undefined
}

/** The first start sets up storage and network before the daemon answers. */
const ANSWER_WITHIN_MS = 240_000
const TELL_EVERY_MS = 10_000
const LOG_LINES = 20

/** Starts it detached from this process and its terminal; resolves when it answers. */
export async function launch(
  place: Place,
  options: LaunchOptions,
  { io, note }: Pick<Context<unknown>, 'io' | 'note'>,
): Promise<DaemonRecord> {
  prepare(place)
  const log = openSync(place.log, 'a', 0o600)
  const logBegin = fstatSync(log).size
  const child = spawn(process.execPath, [serverEntry(io.env), 'serve'], {
    cwd: place.dataDir,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment(place, options, io),
  })
  closeSync(log)
  // It outlives this process, however this one ends.
  child.unref()
  const failures: Error[] = []
  child.on('error', (error) => failures.push(error))
  const begin = performance.now()
  let tellAt = TELL_EVERY_MS
  while (failures.length === 0 && child.exitCode === null && child.signalCode === null) {
    const record = runningDaemon(place)
    if (record !== undefined && (await answers(record.url))) {
      return record
    }
    const spent = performance.now() - begin
    if (spent > ANSWER_WITHIN_MS) {
      throw new CliError('daemon_not_ready', `the daemon (pid ${child.pid}) does not answer after ${duration(spent)}`, logHint(place))
    }
    if (spent > tellAt) {
      note(`${duration(spent).padStart(6)}  the daemon is setting up the host`)
      tellAt += TELL_EVERY_MS
    }
    await pause(100, io.signal)
  }
  const lines = lastLines(readFrom(place.log, logBegin).text, LOG_LINES)
  const how = failures[0]?.message ?? (child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`)
  throw new CliError('daemon_failed', [`the daemon ended at once: ${how}; its last words:`, ...lines].join('\n'), logHint(place))
}

/** Runs it with this terminal; answers its exit code. */
export async function runInForeground(place: Place, options: LaunchOptions, io: Io): Promise<number> {
  prepare(place)
  const child = spawn(process.execPath, [serverEntry(io.env), 'serve'], { stdio: 'inherit', env: environment(place, options, io) })
  const stop = (): void => void child.kill('SIGTERM')
  io.signal.addEventListener('abort', stop, { once: true })
  try {
    return await ended(child)
  } finally {
    io.signal.removeEventListener('abort', stop)
  }
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

function prepare({ dataDir }: Place): void {
  try {
    // Machines run as users of their own and must be able to pass through.
    mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  } catch (error) {
    throw new CliError('cli_error', `cannot make ${dataDir}: ${(error as Error).message}`, 'Name another directory with --data-dir.')
  }
}

function environment({ dataDir }: Place, { port, driver }: LaunchOptions, io: Io): Record<string, string | undefined> {
  return {
    ...io.env,
    NULLSPACE_DATA_DIR: dataDir,
    ...(port === undefined ? {} : { NULLSPACE_PORT: String(port) }),
    ...(driver === undefined ? {} : { NULLSPACE_DRIVER: driver }),
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await new Client({ apiKey: '', baseUrl: url }).call(healthCheck, {}, { requestTimeoutMs: 2000 })
    return true
  } catch (error) {
    if (error instanceof MachineError) return false
    throw error
  }
}

const logHint = ({ log }: Place): string => `The whole log is ${log}.`
