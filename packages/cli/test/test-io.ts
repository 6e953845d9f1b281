// An Io that remembers what was written, with a home of its own, and a way to run the CLI on it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../src/core/app.ts'
import type { Io } from '../src/core/io.ts'
import type { Keyboard } from './keyboard.ts'

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
  /** Standard input that a test feeds; in place of `input`. */
  readonly keyboard?: Keyboard
  /** What the person at the terminal answers; without it nobody is there. */
  readonly answer?: string
  readonly signal?: AbortSignal
  /** Whether standard output is a terminal. Default false. */
  readonly terminal?: { readonly columns: number; readonly rows: number }
  /** The same of standard error. */
  readonly errorTerminal?: { readonly columns: number; readonly rows: number }
  /** Clock and waits; default: the real clock, and waits that are over at once. */
  readonly now?: () => number
  readonly pause?: (ms: number) => Promise<void>
  /** Called with all that was written so far to stdout. */
  readonly onOutput?: (out: string) => void
  /** Called with every piece that is written to stdout, as it is. */
  readonly onWrite?: (data: string | Uint8Array) => void
  /** Called when a command waits for stdout to take more; throws when nobody reads it any more. */
  readonly onDrain?: () => void
}

const homes = new Set<string>()

export function testCli(options: TestOptions = {}, home: string = makeHome()): TestCli {
  const cli = async (...argv: string[]): Promise<Ran> => {
    const written: Record<'out' | 'err', Buffer> = { out: Buffer.alloc(0), err: Buffer.alloc(0) }
    const write = (to: 'out' | 'err', data: string | Uint8Array): void =>
      void (written[to] = Buffer.concat([written[to], typeof data === 'string' ? Buffer.from(data) : data]))
    const io: Io = {
      stdin: {
        isTTY: options.keyboard?.isTTY ?? false,
        chunks: (stop) => options.keyboard?.chunks(stop) ?? whole(options.input ?? ''),
        raw: () => options.keyboard?.raw() ?? { [Symbol.dispose]: () => {} },
      },
      stdout: {
        isTTY: options.terminal !== undefined,
        ...options.terminal,
        write(data) {
          options.onWrite?.(data)
          write('out', data)
          options.onOutput?.(written.out.toString())
        },
        drained: async () => options.onDrain?.(),
      },
      stderr: {
        isTTY: options.errorTerminal !== undefined,
        ...options.errorTerminal,
        write: (data) => write('err', data),
        drained: () => Promise.resolve(),
      },
      // PATH is for the programs that commands start.
      env: { PATH: process.env['PATH'], HOME: home, ...options.env },
      cwd: home,
      home,
      uid: 1000,
      signal: options.signal ?? new AbortController().signal,
      takeSignals: (handler) => options.keyboard?.takeSignals(handler) ?? { [Symbol.dispose]: () => {} },
      onResize: (listener) => options.keyboard?.onResize(listener) ?? { [Symbol.dispose]: () => {} },
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
    return { code, out: written.out.toString(), err: written.err.toString() }
  }
  return Object.assign(cli, { home })
}

async function* whole(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text)
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
