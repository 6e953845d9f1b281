// Commands on the wire.

import { z } from 'zod'
import { Envs, GuestUser, MachineParams } from './machines.ts'
import { route } from './route.ts'

export const EXEC_LIMITS = {
  timeoutSecs: { min: 1, max: 24 * 3600 },
  /** Of each string: the kernel takes no longer argument. */
  commandBytes: 131_071,
  /** Of command and arguments together; the environment has a bound of its own. */
  totalBytes: 2 * 1024 * 1024,
  args: 10_000,
  /** Kept of each of stdout and stderr in the buffered answer, bytes; the rest is counted and dropped. */
  outputBytes: 2 * 1024 * 1024,
} as const

const noNul = (value: string): boolean => !value.includes('\0')
const bytesOf = (value: string): number => new TextEncoder().encode(value).length
/** One argument of a command. */
export const ArgumentText = z
  .string()
  .refine((value) => bytesOf(value) <= EXEC_LIMITS.commandBytes, `must be at most ${EXEC_LIMITS.commandBytes} bytes`)
  .refine(noNul, 'must not contain NUL')

export const fitsTotal = ({ command, args }: { readonly command: string; readonly args?: readonly string[] | null | undefined }): boolean =>
  bytesOf([command, ...(args ?? [])].join('')) <= EXEC_LIMITS.totalBytes
export const TOO_MANY_BYTES = { path: ['args'], message: `must be at most ${EXEC_LIMITS.totalBytes} bytes in all; write them to a file` }

export const ExecBody = z
  .strictObject({
    command: ArgumentText.min(1),
    args: z.array(ArgumentText).max(EXEC_LIMITS.args).nullish(),
    timeout_secs: z.number().min(EXEC_LIMITS.timeoutSecs.min).max(EXEC_LIMITS.timeoutSecs.max).nullish(),
    /** Checked in the use case: reserved paths are refused, and the guest says whether it exists. */
    cwd: z.string().max(4096).refine(noNul, 'must not contain NUL').nullish(),
    envs: Envs.nullish(),
    /** Ours: whose process it is; root when left out. */
    user: GuestUser.nullish(),
    shell: z.boolean().default(false),
    background: z.boolean().default(false),
  })
  .refine((body) => !(body.shell && body.args && body.args.length > 0), {
    path: ['args'],
    message: 'must be empty with "shell": true; put the arguments into the command line',
  })
  .refine(fitsTotal, TOO_MANY_BYTES)

/** Open object. */
export const ExecResult = z.object({
  /** 128 + signal when a signal ended it. */
  exit_code: z.number().int(),
  stdout: z.string(),
  stderr: z.string(),
  pid: z.number().int(),
  /** Ours: bytes printed past the limit and dropped; left out when nothing was. */
  stdout_dropped_bytes: z.number().int().optional(),
  stderr_dropped_bytes: z.number().int().optional(),
})
export type ExecResult = z.output<typeof ExecResult>

/** Of a command in the background. */
export const ExecStarted = z.strictObject({ pid: z.number().int() })

/** What a call that was not for the background is answered with. */
export function isResult(answer: ExecResult | z.output<typeof ExecStarted>): answer is ExecResult {
  return 'exit_code' in answer
}

export const execCommand = route({
  id: 'execCommand',
  method: 'POST',
  path: '/v1/machines/{id}/exec',
  summary: 'Run a command to its end, or start it in the background. A non-zero exit is a result, not an error.',
  access: 'key',
  params: MachineParams,
  body: ExecBody,
  // As a shell reports a command that ran out of time; any other failure ends the connection.
  patient: {
    late: (code, message, { stdout = '', stderr = '' }) =>
      code === 'exec_timeout' ? { exit_code: 124, stdout, stderr: `${String(stderr)}${message}\n`, pid: 0 } : null,
  },
  success: { status: 200, body: z.union([ExecResult, ExecStarted]) },
  errors: [
    'invalid_request',
    'unauthorized',
    'machine_not_found',
    'machine_not_ready',
    'transition_in_progress',
    'quota_exceeded',
    'incompatible_snapshot',
    'rebuild_required',
    'no_eligible_runtime_host',
    'draining',
    'not_implemented',
    'exec_failed',
    'machine_failed',
    'exec_timeout',
    'capacity_exceeded',
    'insufficient_storage',
  ],
})
