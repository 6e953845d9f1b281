// Processes that outlive the request that started them: listed, read, written to and ended by their pid.

import { z } from 'zod'
import { ArgumentText, EXEC_LIMITS, fitsTotal, TOO_MANY_BYTES } from './commands.ts'
import { Envs, GuestUser, MachineParams } from './machines.ts'
import { NO_BODY, route } from './route.ts'

const ERRORS_INSIDE = [
  'invalid_request',
  'unauthorized',
  'quota_exceeded',
  'machine_not_found',
  'process_not_found',
  'machine_not_ready',
  'transition_in_progress',
  'incompatible_snapshot',
  'rebuild_required',
  'capacity_exceeded',
  'not_implemented',
  'exec_failed',
  'machine_failed',
  'draining',
  'no_eligible_runtime_host',
  'insufficient_storage',
] as const

/** Of one call; more is sent in pieces. */
export const STDIN_BYTES = 4 * 1024 * 1024
const MOST_PID = 4_194_304

/** Bytes of input in base64. */
export const inBase64 = z.base64().max(Math.ceil(STDIN_BYTES / 3) * 4)
const hasInput = ({ data, data_base64 }: { data?: string | null | undefined; data_base64?: string | null | undefined }): boolean =>
  (data == null) !== (data_base64 == null)

const Pid = z.coerce.number().int().min(1).max(MOST_PID)
const ProcessParams = z.object({ id: z.string(), pid: Pid })

/** Closed object. */
export const ProcessInfo = z.object({
  pid: z.number().int(),
  /** The command line, or the program with its arguments. */
  command: z.string(),
  running: z.boolean(),
})
export type ProcessInfo = z.output<typeof ProcessInfo>

/** Of a process that prints more than is kept, the first part; it only grows. */
export const ProcessLogs = z.object({
  stdout: z.string(),
  stderr: z.string(),
  /** Both, in the order in which they were printed. */
  output: z.string(),
  /** 128 + signal when a signal ended it; null while it runs. */
  exit_code: z.number().int().nullable(),
  /** Ours: bytes printed that are not kept; left out when there are none. */
  dropped_bytes: z.number().int().optional(),
  /** Ours: bytes of each that are kept, which its text does not tell; with `dropped_bytes`. */
  stdout_kept_bytes: z.number().int().optional(),
  stderr_kept_bytes: z.number().int().optional(),
})
export type ProcessLogs = z.output<typeof ProcessLogs>

export const listProcesses = route({
  id: 'listProcesses',
  method: 'GET',
  path: '/v1/machines/{id}/processes',
  summary: 'Processes that were started in the background or on a channel, in the order of their start, with those that have ended.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.array(ProcessInfo) },
  errors: ERRORS_INSIDE,
})

export const getProcessLogs = route({
  id: 'getProcessLogs',
  method: 'GET',
  path: '/v1/machines/{id}/processes/{pid}/logs',
  summary: 'What a process has printed: the first 1 MiB of both outputs together.',
  access: 'key',
  params: ProcessParams,
  success: { status: 200, body: ProcessLogs },
  errors: ERRORS_INSIDE,
})

export const sendStdin = route({
  id: 'sendStdin',
  method: 'POST',
  path: '/v1/machines/{id}/processes/{pid}/stdin',
  summary: 'Write to the standard input of a process.',
  access: 'key',
  params: ProcessParams,
  body: z
    .strictObject({
      data: z
        .string()
        .refine((data) => Buffer.byteLength(data) <= STDIN_BYTES, `must be at most ${STDIN_BYTES} bytes`)
        .nullish(),
      /** Ours: in place of `data`, for what is no text. */
      data_base64: inBase64.nullish(),
    })
    .refine(hasInput, 'must have exactly one of data and data_base64'),
  success: { status: 204, body: NO_BODY },
  errors: ERRORS_INSIDE,
})

export const killProcess = route({
  id: 'killProcess',
  method: 'POST',
  path: '/v1/machines/{id}/processes/{pid}/kill',
  summary: 'End a process and its group with SIGKILL; answered when it is gone.',
  access: 'key',
  params: ProcessParams,
  success: { status: 204, body: NO_BODY },
  errors: ERRORS_INSIDE,
})

const id = z.string().min(1).max(200)
const pid = z.number().int().min(1).max(MOST_PID)
const noNul = (value: string): boolean => !value.includes('\0')

/** Ours: output comes as `data_base64`, byte for byte, in place of `data`. */
const binary = z.boolean().nullish()

/** What a client sends on the channel of one command. */
export const ExecFrame = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('exec_start'),
      id,
      command: ArgumentText.min(1),
      args: z.array(ArgumentText).max(EXEC_LIMITS.args).nullish(),
      timeout_secs: z.number().min(EXEC_LIMITS.timeoutSecs.min).max(EXEC_LIMITS.timeoutSecs.max).nullish(),
      cwd: z.string().max(4096).refine(noNul, 'must not contain NUL').nullish(),
      envs: Envs.nullish(),
      shell: z.boolean().nullish(),
      binary,
      /** Ours: its time does not end it, as over HTTP. */
      background: z.boolean().nullish(),
      /** Ours: whose process it is; root when left out. */
      user: GuestUser.nullish(),
    })
    .refine(fitsTotal, TOO_MANY_BYTES),
  z.object({
    type: z.literal('exec_connect'),
    id,
    pid,
    binary,
    /** Ours: output is not told, and each `exec_stdin` is answered with `exec_stdin_taken`. */
    input_only: z.boolean().nullish(),
  }),
  z.object({
    type: z.literal('exec_stdin'),
    id,
    pid: pid.nullish(),
    data: z.string().max(STDIN_BYTES).nullish(),
    /** Ours: in place of `data`, for what is no text. */
    data_base64: inBase64.nullish(),
  }),
  z.object({ type: z.literal('exec_stdin_close'), id, pid: pid.nullish() }),
  z.object({ type: z.literal('exec_kill'), id, pid: pid.nullish(), signal: z.number().int().min(1).max(64).nullish() }),
])
export type ExecFrame = z.output<typeof ExecFrame>
