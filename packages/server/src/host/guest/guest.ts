// What the daemon asks of the agent in a machine.

import type { FailureReason, ProcessEntry, TerminalSize } from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'
import type { GuestFiles } from './guest-files.ts'

export { bytesOfName, nameOfBytes } from '@nullspace/guest-protocol/names.ts'
export type { ProcessEntry, TerminalSize } from '@nullspace/guest-protocol/messages.ts'

export interface ExecRequest {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Empty = root. */
  readonly user: string
  readonly timeoutMs: number
  /** Bytes kept per stream; 0 = all. */
  readonly outputLimit: number
  /** All of its standard input, at most 4 MiB; none when left out. */
  readonly input?: Uint8Array
}

/** A result says why it ended; a non-zero exit is no error. */
export interface ExecOutcome {
  readonly exitCode: number
  readonly signal: number
  readonly timedOut: boolean
  readonly pid: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly droppedStdout: number
  readonly droppedStderr: number
}

/** A process that is kept: it can be asked for by its pid, and what it printed stays as far as the agent's bounds go. */
export interface StartRequest {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Empty = root. */
  readonly user: string
  /** 0 = none. */
  readonly timeoutMs: number
  /** Null: pipes. */
  readonly terminal: TerminalSize | null
  /** Told again by `processes`. */
  readonly id: string
  readonly label: string
}

export interface ProcessEnd {
  readonly exitCode: number
  readonly timedOut: boolean
  /** Printed, and not seen by this listener, bytes. */
  readonly droppedStdout: number
  readonly droppedStderr: number
}

/** A stream that belongs to a kept process. */
export interface Attachment {
  readonly pid: number
  /** So many bytes of output have been passed on: as many more may come. */
  taken(bytes: number): void
  /** Resolves when the agent may be given all of it; rejects with ProcessEnded when the process ends first. */
  write(op: Op, bytes: Uint8Array): Promise<void>
  /** Resolves when the process has read nearly all that it was written (the agent holds little), or has ended. */
  drained(op: Op): Promise<void>
  closeInput(): void
  /** To the whole process group. */
  signal(signal: number): void
  resize(size: TerminalSize): void
  /** The process goes on. */
  detach(): void
}

/** Hears of a process in order; `ended` or `lost` is the last word. */
export interface AttachListener {
  /** Say `taken` to the attachment when it was passed on. */
  output(kind: 'stdout' | 'stderr', bytes: Uint8Array): void
  ended(end: ProcessEnd): void
  lost(error: Error): void
}

export interface ProcessLogs {
  /** In the order in which they were printed. */
  readonly parts: readonly { readonly kind: 'stdout' | 'stderr'; readonly bytes: Uint8Array }[]
  readonly running: boolean
  /** 0 while it runs. */
  readonly exitCode: number
  /** Printed and not kept, bytes. */
  readonly droppedStdout: number
  readonly droppedStderr: number
}

/** What the guest has used since its boot, as it says itself; a figure it could not read is 0. */
export interface GuestStat {
  /** Hundredths of a second, summed over the CPUs. */
  readonly cpuTotalTicks: number
  /** Of these, idle or waiting for a disk. */
  readonly cpuIdleTicks: number
  readonly cpuCount: number
  readonly memTotalBytes: number
  readonly memAvailableBytes: number
  readonly diskTotalBytes: number
  readonly diskUsedBytes: number
  /** Of all interfaces but loopback. */
  readonly netRxBytes: number
  readonly netTxBytes: number
}

export interface Guest {
  /** Runs to the end and collects the output. Rejects with GuestFailure when it could not run, ChannelLost when the agent is gone. */
  exec(op: Op, request: ExecRequest): Promise<ExecOutcome>
  /** This and the next three reject with GuestFailure `unsupported` when the agent is too old to keep processes. */
  start(op: Op, request: StartRequest, listener: AttachListener): Promise<Attachment>
  /** `follow`: output from the beginning, as far as it is kept, then what comes, and the end; `wait`: the end only. */
  attach(op: Op, pid: number, mode: 'wait' | 'follow', listener: AttachListener): Promise<Attachment>
  processes(op: Op): Promise<readonly ProcessEntry[]>
  logs(op: Op, pid: number): Promise<ProcessLogs>
  /** As that user (empty = root), who works in `base` (empty = in the home directory). */
  files(as: { readonly user: string; readonly base: string }): GuestFiles
  /** Rejects with GuestFailure `unsupported` when the agent is older than the question. */
  stat(op: Op): Promise<GuestStat>
}

/** What a guest whose vCPUs stood still is told when it goes on: `new` makes it another machine, `same` the one it was. */
export type Renewal =
  | {
      readonly kind: 'new'
      readonly hostname: string
      /** 16 bytes. */
      readonly machineId: Uint8Array
      /** 64 bytes of host entropy. */
      readonly seed: Uint8Array
      /** TCP connections that came along in memory end: their other end belongs to the machine this one was made from. */
      readonly disconnect: boolean
    }
  | { readonly kind: 'same'; readonly seed: Uint8Array }

/** The guest could not do what was asked. */
export class GuestFailure extends Error {
  override readonly name = 'GuestFailure'
  readonly reason: FailureReason
  constructor(reason: FailureReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** The channel broke, or the agent behind it is another one than before. */
export class ChannelLost extends Error {
  override readonly name = 'ChannelLost'
}

/** It reads no input and takes no signal any more. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded'
  constructor() {
    super('The process has ended')
  }
}

/** The daemon holds as much output of running commands as it may. */
export class OutputTooMuch extends Error {
  override readonly name = 'OutputTooMuch'
  constructor() {
    super('the daemon holds too much output of commands that still run')
  }
}
