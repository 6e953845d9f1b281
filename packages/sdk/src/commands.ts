// Running commands inside a machine.

import { ExecResult, execCommand, isResult } from '@nullspace/contract/commands.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import type { CallOptions, Client } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

type ExecBody = RouteInput<typeof execCommand>

/** `exitCode` is 128 + the signal's number when a signal ended the command, and 124 when its time was up after ten seconds. */
export type CommandResult = Camel<ExecResult>

export interface RunOptions extends Omit<CallOptions, 'idempotencyKey'> {
  /** Run `command` by the machine's shell; then without `args`. Default false: `command` is a program's name, never split. */
  readonly shell?: boolean | undefined
  readonly args?: readonly string[] | undefined
  /** Absolute directory inside the machine; default: the machine's own. */
  readonly cwd?: ExecBody['cwd']
  /** For this command only, on top of the machine's. */
  readonly envs?: ExecBody['envs']
  /** Seconds until the command and its children are killed; default 30. */
  readonly timeout?: number | undefined
}

/** Time of a command when the caller does not say, as with the published client. */
export const DEFAULT_COMMAND_SECONDS = 30

/** How long to wait for the answer to a command that may take `seconds`, ms. */
export const commandTimeoutMs = (seconds: number): number => (seconds + 30) * 1000

export class Commands {
  readonly #client: Client
  readonly #machineId: string

  constructor(client: Client, machineId: string) {
    this.#client = client
    this.#machineId = machineId
  }

  /**
   * Runs a command to its end. A non-zero exit is a result, not an error. Never sent twice.
   * A command whose time is up in its first ten seconds rejects with `exec_timeout`; later it is a result with `exitCode`
   * 124, `pid` 0, the last 4 KiB of each output, and the reason at the end of `stderr`.
   * @throws MachineError `exec_failed` when it cannot be started, `exec_timeout` as said, `capacity_exceeded` when the daemon
   * holds too much output, `transport_error` when it failed otherwise after ten seconds; NotFoundError, ConflictError
   * `machine_not_ready`.
   */
  run(command: string, options?: RunOptions): Promise<CommandResult>
  run(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>
  async run(command: string, second: readonly string[] | RunOptions = {}, third: RunOptions = {}): Promise<CommandResult> {
    const options: RunOptions = isList(second) ? { ...third, args: second } : second
    const { shell, args, cwd, envs, timeout = DEFAULT_COMMAND_SECONDS, signal, requestTimeoutMs } = options
    const body: ExecBody = {
      command,
      timeout_secs: timeout,
      ...(args && args.length > 0 ? { args: [...args] } : {}),
      ...(cwd == null ? {} : { cwd }),
      ...(envs == null ? {} : { envs }),
      ...(shell ? { shell } : {}),
    }
    const result = await this.#client.call(
      execCommand,
      { params: { id: this.#machineId }, body },
      { signal, requestTimeoutMs: requestTimeoutMs ?? commandTimeoutMs(timeout) },
    )
    if (!isResult(result)) throw new TypeError('the command was to be waited for, and was not')
    return fromWire(ExecResult, result)
  }
}

const isList = (value: readonly string[] | RunOptions): value is readonly string[] => Array.isArray(value)
