// What the daemon asks of the agent in a machine.

import type { FailureReason } from '@nullspace/guest-protocol/messages.ts'
import type { Op } from '../../observe/op.ts'

export interface ExecRequest {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Empty = root. */
  readonly user: string
  readonly timeoutMs: number
  /** Bytes kept per stream; 0 = all. */
  readonly outputLimit: number
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

export interface Guest {
  /** Runs to the end and collects the output. Rejects with GuestFailure when it could not run, ChannelLost when the agent is gone. */
  exec(op: Op, request: ExecRequest): Promise<ExecOutcome>
}

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

/** The daemon holds as much output of running commands as it may. */
export class OutputTooMuch extends Error {
  override readonly name = 'OutputTooMuch'
  constructor() {
    super('the daemon holds too much output of commands that still run')
  }
}
