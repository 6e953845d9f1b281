// Runs a program to its end with a bound on its time. Each child leads a process group of its own, so that a hanging tree
// is ended as a whole and nothing else is touched.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { root } from './repo.ts'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
  /** For a program that may ask its user something (sudo's password): it keeps the terminal, at the price of its own group. */
  readonly terminal?: boolean
  readonly onLine?: (line: string, from: 'stdout' | 'stderr') => void
}

export interface RunResult {
  /** null when the program could not be started or died by a signal. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly timedOut: boolean
  readonly notFound: boolean
  /** stdout and stderr as they came, at most the last 32 MB. */
  readonly output: string
  readonly stdout: string
  readonly lastLine: string
  readonly ms: number
}

const keepChars = 32 << 20
const graceMs = 5_000
const drainMs = 2_000
const running = new Set<Ender>()

type Ender = (signal: NodeJS.Signals) => void

export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const started = performance.now()
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? process.env,
    stdio: [options.terminal ? 'inherit' : 'ignore', 'pipe', 'pipe'],
    detached: !options.terminal,
  })
  const end: Ender = (signal) => endTree(child, !options.terminal, signal)
  forwardSignals()
  running.add(end)

  let output = ''
  let stdout = ''
  let lastLine = ''
  const take = (from: 'stdout' | 'stderr') => (line: string) => {
    output = tail(output + line + '\n')
    if (from === 'stdout') stdout = tail(stdout + line + '\n')
    if (line.trim() !== '') lastLine = line.trim()
    options.onLine?.(line, from)
  }
  readLines(child.stdout, take('stdout'))
  readLines(child.stderr, take('stderr'))

  let timedOut = false
  const timer = setTimeout(
    () => {
      timedOut = true
      end('SIGTERM')
      setTimeout(() => end('SIGKILL'), graceMs).unref()
    },
    options.timeoutMs ?? 2 ** 31 - 1,
  )

  const how = await ended(child)
  clearTimeout(timer)
  running.delete(end)
  return { ...how, timedOut, output, stdout, lastLine, ms: performance.now() - started }
}

/** True when the program ended with 0. */
export function succeeded(result: RunResult): boolean {
  return result.code === 0 && !result.timedOut
}

/** Why a run failed, in a few words. */
export function howItEnded(result: RunResult): string {
  if (result.notFound) return 'is not installed'
  if (result.timedOut) return `was stopped after ${Math.round(result.ms / 1000)} s; last output: ${result.lastLine || '(none)'}`
  return result.signal ? `died by ${result.signal}` : `ended with exit code ${result.code}`
}

function readLines(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take)
}

function tail(text: string): string {
  return text.length > keepChars ? text.slice(-keepChars / 2) : text
}

function ended(child: ChildProcess): Promise<Pick<RunResult, 'code' | 'signal' | 'notFound'>> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve({ code: null, signal: null, notFound: error.code === 'ENOENT' }))
    child.once('exit', (code, signal) => {
      const end = { code, signal, notFound: false }
      child.once('close', () => resolve(end))
      // A daemon that the program left behind may hold the pipes open for ever.
      setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
        resolve(end)
      }, drainMs).unref()
    })
  })
}

function endTree(child: ChildProcess, leadsGroup: boolean, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(leadsGroup ? -child.pid : child.pid, signal)
  } catch {
    // The group is gone already.
  }
}

let forwarding = false

// A child in its own group does not hear the terminal's Ctrl-C.
function forwardSignals(): void {
  if (forwarding) return
  forwarding = true
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const end of running) end(signal)
      process.exit(signal === 'SIGINT' ? 130 : 143)
    })
  }
}
