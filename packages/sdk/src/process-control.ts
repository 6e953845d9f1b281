// What is done to a process by its pid: written to, told that its input is over, signalled.

import { killProcess, sendStdin, type ExecFrame } from '@nullspace/contract/processes.ts'
import type { CallOptions } from './client.ts'
import { SIGKILL, signalNumber } from './signals.ts'
import { beginOnce, workId, type Work } from './work-channel.ts'

/** Bytes, or UTF-16 units; with everything escaped still a small request, and soon taken by a process that reads. */
const PIECE = 64 * 1024

export async function writeStdin(work: Work, pid: number, data: string | Uint8Array, options: CallOptions): Promise<void> {
  for (const body of stdinBodies(data)) {
    await work.client.call(sendStdin, { params: { id: work.machineId, pid }, body }, options)
  }
}

/** There is no route for it. */
export function endStdin(work: Work, pid: number): Promise<void> {
  return control(work, pid, (id) => ({ type: 'exec_stdin_close', id }))
}

/** Without a signal it is SIGKILL, and the process is gone afterwards. */
export async function signalProcess(work: Work, pid: number, signal: number | string | undefined, options: CallOptions): Promise<void> {
  const number = signal === undefined ? SIGKILL : signalNumber(signal)
  if (number === SIGKILL) await work.client.call(killProcess, { params: { id: work.machineId, pid } }, options)
  else await control({ ...work, signal: options.signal }, pid, (id) => ({ type: 'exec_kill', id, signal: number }))
}

/** A frame on a connection of its own, which is closed behind it. */
async function control(work: Work, pid: number, frame: (id: string) => ExecFrame): Promise<void> {
  const id = workId('exec')
  const { channel } = await beginOnce(work, 'exec', [{ type: 'exec_connect', id, pid, input_only: true } satisfies ExecFrame])
  channel.send(frame(id))
  channel.close()
}

/** Views of `data`. */
export function* inputPieces(data: Uint8Array): Generator<Buffer, void, undefined> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE)
}

function* stdinBodies(data: string | Uint8Array): Generator<{ data: string } | { data_base64: string }, void, undefined> {
  if (typeof data === 'string') for (const piece of textPieces(data)) yield { data: piece }
  else for (const piece of inputPieces(data)) yield { data_base64: piece.toString('base64') }
}

function* textPieces(text: string): Generator<string, void, undefined> {
  for (let at = 0; at < text.length;) {
    const end = at + PIECE
    // A character of two units stays whole.
    const last = text.charCodeAt(end - 1)
    const cut = end < text.length && last >= 0xd800 && last < 0xdc00 ? end - 1 : end
    yield text.slice(at, cut)
    at = cut
  }
}
