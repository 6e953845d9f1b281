// Commands: run one to its end in a machine.

import { AppError } from '@nullspace/contract/errors.ts'
import { EXEC_LIMITS, type ExecBody, type ExecResult, type ExecStarted } from '@nullspace/contract/commands.ts'
import type { z } from 'zod'
import type { ExecOutcome } from '../host/guest/guest.ts'
import { Op } from '../observe/op.ts'
import type { Principal } from '../domain/principal.ts'
import type { App } from './context.ts'
import { argvOf, guestCwd, NOBODY, startProcess } from './processes.ts'
import { useMachine, workFailure } from './use.ts'

const DEFAULT_TIMEOUT_SECS = 30
/** The guest enforces the deadline; past this much more we give up on the guest. */
const PATIENCE_MS = 15_000

type ExecInput = z.output<typeof ExecBody>

/** In the background its time does not end it: published clients send one with every call. */
export async function exec(
  app: App,
  principal: Principal,
  machineId: string,
  input: ExecInput,
): Promise<z.output<typeof ExecResult | typeof ExecStarted>> {
  return input.background ? background(app, principal, machineId, input) : foreground(app, principal, machineId, input)
}

async function background(app: App, principal: Principal, machineId: string, input: ExecInput): Promise<z.output<typeof ExecStarted>> {
  using process = await startProcess(app, principal, machineId, { ...input, timeoutMs: 0 }, NOBODY)
  return { pid: process.attachment.pid }
}

async function foreground(app: App, principal: Principal, machineId: string, input: ExecInput): Promise<ExecResult> {
  const cwd = guestCwd(input.cwd)
  using use = await useMachine(app, principal, machineId)
  const timeoutMs = Math.ceil((input.timeout_secs ?? DEFAULT_TIMEOUT_SECS) * 1000)
  using op = new Op(`exec in ${machineId}`, { timeoutMs: timeoutMs + PATIENCE_MS })
  let outcome: ExecOutcome
  try {
    outcome = await use.guest.exec(op, {
      argv: argvOf(input),
      env: { ...use.machine.envs, ...input.envs },
      cwd: cwd ?? use.machine.cwd,
      user: input.user ?? '',
      timeoutMs,
      outputLimit: EXEC_LIMITS.outputBytes,
    })
  } catch (error) {
    app.metrics.execs.inc({ outcome: 'failed' })
    throw await workFailure(app, machineId, error)
  }
  app.metrics.execs.inc({ outcome: outcome.timedOut ? 'timeout' : 'ended' })
  if (outcome.timedOut) {
    throw new AppError('exec_timeout', {
      say: `The command did not end within ${timeoutMs / 1000} s and was killed with its process group.`,
      details: { stdout: text(outcome.stdout.subarray(-4096)), stderr: text(outcome.stderr.subarray(-4096)) },
    })
  }
  return {
    exit_code: outcome.exitCode,
    stdout: text(outcome.stdout, outcome.droppedStdout > 0),
    stderr: text(outcome.stderr, outcome.droppedStderr > 0),
    pid: outcome.pid,
    ...(outcome.droppedStdout > 0 ? { stdout_dropped_bytes: outcome.droppedStdout } : {}),
    ...(outcome.droppedStderr > 0 ? { stderr_dropped_bytes: outcome.droppedStderr } : {}),
  }
}

/** UTF-8 with replacement characters for what is not; a character that the limit cut in two is left out. */
function text(bytes: Buffer, cut = false): string {
  if (!cut) return bytes.toString('utf8')
  let end = bytes.length
  while (end > 0 && bytes.length - end < 4 && (bytes[end - 1]! & 0xc0) === 0x80) end-- // within bounds
  const lead = bytes[end - 1] ?? 0
  const needs = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return bytes.subarray(0, bytes.length - end + 1 < needs ? end - 1 : bytes.length).toString('utf8')
}
