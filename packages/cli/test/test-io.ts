// An Io that remembers what was written, with a home of its own, and a way to run the CLI on it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../src/core/app.ts'
import type { Io } from '../src/core/io.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface TestCli {
  readonly home: string
  /** Runs `nullspace ...argv`. */
  (...argv: string[]): Promise<Ran>
}

export interface TestOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What is on standard input. */
  readonly input?: string
  /** What the person at the terminal answers; without it nobody is there. */
  readonly answer?: string
  readonly signal?: AbortSignal
  /** Whether standard output is a terminal. Default false. */
  readonly terminal?: { readonly columns: number; readonly rows: number }
  /** Clock and waits; default: the real clock, and waits that are over at once. */
  readonly now?: () => number
  readonly pause?: (ms: number) => Promise<void>
  /** Called with all that was written so far to stdout. */
  readonly onOutput?: (out: string) => void
}

const homes = new Set<string>()

export function testCli(options: TestOptions = {}, home: string = makeHome()): TestCli {
  const cli = async (...argv: string[]): Promise<Ran> => {
    const written = { out: '', err: '' }
    const io: Io = {
      stdout: {
        isTTY: options.terminal !== undefined,
        ...options.terminal,
        write(text) {
          written.out += text
          options.onOutput?.(written.out)
        },
      },
      stderr: { isTTY: false, write: (text) => void (written.err += text) },
      // PATH is for the programs that commands start.
      env: { PATH: process.env['PATH'], HOME: home, ...options.env },
      cwd: home,
      home,
      uid: 1000,
      signal: options.signal ?? new AbortController().signal,
      canAsk: options.answer !== undefined,
      ask: () => Promise.resolve(options.answer ?? ''),
      readInput: () => Promise.resolve(options.input ?? ''),
      now: options.now ?? Date.now,
      async pause(ms) {
        io.signal.throwIfAborted()
        await options.pause?.(ms)
        io.signal.throwIfAborted()
      },
    }
    const code = await run(argv, io)
    return { code, ...written }
  }
  return Object.assign(cli, { home })
}

function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'nullspace-cli-'))
  homes.add(home)
  return home
}

/** For afterEach. */
export function removeHomes(): void {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
  homes.clear()
}
