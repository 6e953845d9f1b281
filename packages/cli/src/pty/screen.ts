// This terminal as the screen and keyboard of one in a machine.

import { MachineError, type PtySession, type PtySize } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import type { Io } from '../core/io.ts'
import { DETACH_KEYS, detachKeys } from './detach-keys.ts'

/** What a command line of `create` and `connect` says in its help. */
export const LEAVE = `leave it running with ${DETACH_KEYS}`

/** Its cursor, its keys, its mouse and its first screen again, whatever the program that is left behind has switched on. */
const AS_BEFORE = '\u001b[?1047l\u001b[?25h\u001b[?1l\u001b>\u001b[?2004l\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[m'

export function sizeOf({ stdout }: Io): PtySize {
  return { cols: stdout.columns || 80, rows: stdout.rows || 24 }
}

export function needTerminal({ stdin, stdout }: Io, suggestion: string): void {
  if (!stdin.isTTY || !stdout.isTTY) throw usageError('standard input or output is no terminal', suggestion)
}

/** How it went out: its shell has ended, or it was left. */
export type Left = { readonly detached: true } | { readonly detached: false; readonly exit_code: number }

/** Whatever happens, this terminal is as before. */
export async function show(session: PtySession, { io, note }: Pick<Context<unknown>, 'io' | 'note'>, machineId: string): Promise<Left> {
  const over = new AbortController()
  const { signal } = io
  let exitCode: number | undefined
  try {
    using _raw = io.stdin.raw()
    using _size = io.onResize(() => resize(session, io))
    const interrupted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal })
    })
    signal.throwIfAborted()
    try {
      exitCode = await Promise.race([output(session, io), typing(session, io, over.signal), interrupted])
    } finally {
      over.abort()
      session.disconnect()
      if (exitCode === undefined) io.stdout.write(AS_BEFORE)
    }
  } catch (error) {
    if (!(error instanceof MachineError) || error.code === 'transport_error') note(`\n${howToComeBack(machineId, session)}`)
    throw error
  }
  if (exitCode !== undefined) return { detached: false, exit_code: exitCode }
  note(`\n${howToComeBack(machineId, session)}`)
  return { detached: true }
}

const howToComeBack = (machineId: string, { sessionId }: PtySession): string =>
  `the terminal goes on: nullspace machine pty connect ${machineId} ${sessionId}`

async function output(session: PtySession, { stdout }: Io): Promise<number> {
  for await (const bytes of session) {
    stdout.write(bytes)
    await stdout.drained()
  }
  return (await session.wait()).exitCode
}

/** Resolves when it is left. */
async function typing(session: PtySession, { stdin }: Io, stop: AbortSignal): Promise<undefined> {
  const keys = detachKeys()
  for await (const typed of stdin.chunks(stop)) {
    const { bytes, detach } = keys(typed)
    // One that has ended takes nothing; its end is told by its output.
    if (bytes.length > 0) unlessOver(() => session.write(bytes))
    if (detach) return undefined
  }
  return undefined
}

const resize = (session: PtySession, io: Io): void => unlessOver(() => session.resize(sizeOf(io)))

function unlessOver(send: () => void): void {
  try {
    send()
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
  }
}
