// What a process prints, from its beginning to its end, over any number of connections as if it were one.

import { getProcessLogs, type ExecFrame } from '@nullspace/contract/processes.ts'
import { errorFromFrame } from './error-map.ts'
import { MachineError, TimeoutError } from './errors.ts'
import { connections } from './reconnect.ts'
import { begin, bytesOf, openWork, workId, type Begun, type Work } from './work-channel.ts'

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  /** Whole characters; what is no UTF-8 is U+FFFD. Empty where `bytes` end before a character does. */
  readonly data: string
  /** Byte for byte; empty where an output ends within a character, of which only `data` tells. */
  readonly bytes: Uint8Array
}

export interface ProcessEnd {
  readonly exitCode: number
  /** Printed while nobody listened, and not kept, bytes. */
  readonly lost: Both
}

export interface Both {
  stdout: number
  stderr: number
}

/** How far a reader has come. */
export interface Place {
  readonly bytes: Both
  /** Of each stream, over all connections: a character may come in parts. */
  readonly decoders: Readonly<Record<OutputChunk['stream'], TextDecoder>>
}

export const atBeginning = (): Place => ({ bytes: { stdout: 0, stderr: 0 }, decoders: { stdout: utf8(), stderr: utf8() } })

const utf8 = (): TextDecoder => new TextDecoder('utf-8', { ignoreBOM: true })
const STREAMS = ['stdout', 'stderr'] as const
const NO_BYTES = new Uint8Array(0)

/**
 * Begins at `place` and moves it; a connection that was opened already is read first. The daemon tells everything from the beginning
 * anew on each connection: first what is kept, then what comes. Returns without an end only when it is made to. @throws MachineError what ended it other than its exit, e.g. `exec_timeout`
 */
export async function* followProcess(
  work: Work & { readonly pid: number },
  place: Place,
  opened?: Begun,
): AsyncGenerator<OutputChunk, ProcessEnd | undefined, undefined> {
  const { client, pid, signal } = work
  if (opened) {
    const end = yield* outputOf(opened, place, { skip: { stdout: 0, stderr: 0 }, beyond: { stdout: 0, stderr: 0 } })
    if (end) return end
  }
  const attempts = connections({
    open: () => openWork(work, 'exec'),
    ask: () => logsOf(work),
    wait: (ms, stop) => client.wait(ms, stop),
    signal,
    known: opened !== undefined,
  })
  for await (const { channel, accepted } of attempts) {
    const attach: ExecFrame = { type: 'exec_connect', id: workId('exec'), pid, binary: true }
    const begun = await unlessPassing(() => begin(channel, 'exec', [attach]), signal)
    if (!begun) continue
    accepted()
    const seen = await unlessPassing(() => seenBefore(work, place), signal)
    if (!seen) continue
    const end = yield* outputOf(begun, place, seen)
    if (end) return end
  }
  return undefined
}

interface Seen {
  /** Of what is told anew, bytes that the reader has. */
  readonly skip: Both
  /** Bytes that the reader has and that are not told anew, because they are not kept. */
  readonly beyond: Both
}

/**
 * While all that was printed is kept, all of it is told anew. Of a process that prints more, only the first part is, which does not
 * change any more, and what comes then is not the part behind it. The logs are read after the connection was acknowledged: when they
 * lack nothing, neither does what it tells anew.
 */
async function seenBefore(work: Work & { readonly pid: number }, { bytes }: Place): Promise<Seen> {
  const skip = { ...bytes }
  const beyond = { stdout: 0, stderr: 0 }
  if (bytes.stdout + bytes.stderr === 0) return { skip, beyond }
  const logs = await logsOf(work)
  if ((logs.dropped_bytes ?? 0) === 0) return { skip, beyond }
  for (const stream of STREAMS) {
    skip[stream] = Math.min(bytes[stream], logs[`${stream}_kept_bytes`] ?? Buffer.byteLength(logs[stream]))
    beyond[stream] = bytes[stream] - skip[stream]
  }
  return { skip, beyond }
}

const logsOf = ({ client, machineId, pid, signal }: Work & { readonly pid: number }) =>
  client.call(getProcessLogs, { params: { id: machineId, pid } }, { signal })

/** Of one connection; undefined when it was lost before the end. */
async function* outputOf(
  { channel, next }: Begun,
  { bytes, decoders }: Place,
  { skip, beyond }: Seen,
): AsyncGenerator<OutputChunk, ProcessEnd | undefined, undefined> {
  const lost = { stdout: 0, stderr: 0 }
  try {
    for (let frame = await next(); frame !== undefined; frame = await next()) {
      const { type } = frame
      if (type === 'error') throw errorFromFrame(frame)
      if (type === 'exec_exit') {
        for (const stream of STREAMS) {
          const data = decoders[stream].decode()
          if (data !== '') yield { stream, data, bytes: NO_BYTES }
        }
        return { exitCode: exitCodeOf(frame.exit_code), lost }
      }
      if (type === 'exec_dropped') {
        lost.stdout = Math.max(0, (frame.stdout_bytes ?? 0) - beyond.stdout)
        lost.stderr = Math.max(0, (frame.stderr_bytes ?? 0) - beyond.stderr)
      }
      if (type !== 'exec_stdout' && type !== 'exec_stderr') continue
      const stream = type === 'exec_stdout' ? 'stdout' : 'stderr'
      const told = bytesOf(frame)
      const fresh = told.subarray(skip[stream])
      skip[stream] -= told.length - fresh.length
      if (fresh.length === 0) continue
      bytes[stream] += fresh.length
      yield { stream, data: decoders[stream].decode(fresh, { stream: true }), bytes: fresh }
    }
    return undefined
  } finally {
    channel.close()
  }
}

export function exitCodeOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw new MachineError('the daemon told an end without an exit code', { code: 'invalid_response' })
}

/** Undefined for a failure that may be over at the next try. */
async function unlessPassing<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof TimeoutError || (error instanceof MachineError && error.retryable === true)) return undefined
    throw error
  }
}
