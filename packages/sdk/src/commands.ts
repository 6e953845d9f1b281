// Running commands inside a machine.

import { ExecResult, execCommand, isResult } from '@nullspace/contract/commands.ts'
import {
  getProcessLogs,
  listProcesses,
  ProcessInfo as WireProcessInfo,
  ProcessLogs as WireProcessLogs,
  type ExecFrame,
} from '@nullspace/contract/processes.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import type { CallOptions, Client } from './client.ts'
import { CommandHandle, type Listeners, type PipeStdinOptions } from './command-handle.ts'
import { errorFromFrame } from './error-map.ts'
import { fromWire, type Camel } from './naming.ts'
import { pipeInput, type PipedInput } from './piped-input.ts'
import { endStdin, signalProcess, writeStdin } from './process-control.ts'
import { beginOnce, workId, type Work } from './work-channel.ts'

type ExecBody = RouteInput<typeof execCommand>
type ForOneCall = Omit<CallOptions, 'idempotencyKey'>

/** `exitCode` is 128 + the signal's number when a signal ended the command, and 124 when its time was up after ten seconds. */
export type CommandResult = Camel<ExecResult>
export type ProcessInfo = Camel<WireProcessInfo>
export type ProcessLogs = Camel<WireProcessLogs>

interface CommandOptions extends ForOneCall, Listeners {
  /** Run `command` by the machine's shell; then without `args`. Default false: `command` is a program's name, never split. */
  readonly shell?: boolean | undefined
  readonly args?: readonly string[] | undefined
  /** Absolute directory inside the machine; default: the machine's own. */
  readonly cwd?: ExecBody['cwd']
  /** For this command only, on top of the machine's. */
  readonly envs?: ExecBody['envs']
  /** Name or number of a user of the machine; default root. */
  readonly user?: string | undefined
}

export interface RunOptions extends CommandOptions {
  /** Seconds until the command and its children are killed; default 30. */
  readonly timeout?: number | undefined
  readonly background?: false | undefined
}

/** An aborted `signal` also ends the hearing of the handle, not the command. */
export interface StartOptions extends CommandOptions {
  /** Seconds until the command and its children are killed; default: never. */
  readonly timeout?: number | undefined
  /** Whether standard input can be written to; false: it is empty. Default true. */
  readonly stdin?: boolean | undefined
}

export interface BackgroundOptions extends StartOptions {
  readonly background: true
}

export interface ConnectCommandOptions extends Listeners {
  /** Ends the hearing, not the command. */
  readonly signal?: AbortSignal | undefined
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
   * Runs a command to its end, with an empty standard input. A non-zero exit is a result, not an error. Never sent twice.
   * With `onStdout` or `onStderr` its output is told as it comes; with `background` it is `start`.
   * A command whose time is up in its first ten seconds rejects with `exec_timeout`; later it is a result with `exitCode`
   * 124, `pid` 0, the last 4 KiB of each output, and the reason at the end of `stderr`. With a listener it always rejects;
   * so does an aborted `signal`, after which the command is killed.
   * @throws MachineError `exec_failed` when it cannot be started, `exec_timeout` as said, `capacity_exceeded` when the daemon
   * holds too much output, `transport_error` when it failed otherwise after ten seconds; NotFoundError, ConflictError
   * `machine_not_ready`; what a listener threw.
   */
  run(command: string, options: BackgroundOptions): Promise<CommandHandle>
  run(command: string, args: readonly string[], options: BackgroundOptions): Promise<CommandHandle>
  run(command: string, options?: RunOptions): Promise<CommandResult>
  run(command: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>
  run(
    command: string,
    second: readonly string[] | RunOptions | BackgroundOptions = {},
    third: RunOptions | BackgroundOptions = {},
  ): Promise<CommandResult | CommandHandle> {
    const options = isList(second) ? { ...third, args: second } : second
    if (isBackground(options)) return this.start(command, options)
    const live = options.onStdout !== undefined || options.onStderr !== undefined
    return live ? this.#runLive(command, options) : this.#runBuffered(command, options)
  }

  /**
   * Starts a command and does not wait for it; it goes on without its handle and its connection. With listeners its output is told
   * as it comes, from the beginning. Never sent twice.
   * @throws MachineError `exec_failed` when it cannot be started, `transport_error` when the connection was lost before the answer;
   * NotFoundError, ConflictError `machine_not_ready`
   */
  start(command: string, options?: StartOptions): Promise<CommandHandle>
  start(command: string, args: readonly string[], options?: StartOptions): Promise<CommandHandle>
  async start(command: string, second: readonly string[] | StartOptions = {}, third: StartOptions = {}): Promise<CommandHandle> {
    const options: StartOptions = isList(second) ? { ...third, args: second } : second
    const id = workId('exec')
    const begin = { type: 'exec_start', id, ...commandBody(command, options), ...timeOf(options), binary: true } satisfies ExecFrame
    const noInput: ExecFrame[] = options.stdin === false ? [{ type: 'exec_stdin_close', id }] : []
    const work = this.#work(options.signal)
    const begun = await beginOnce(work, 'exec', [begin, ...noInput])
    // A start is answered with the process's id.
    return new CommandHandle(work, begun.first.pid ?? 0, options, begun)
  }

  /** A handle on a process that is listed; its output comes from the beginning. @throws NotFoundError `process_not_found`, ... */
  async connect(pid: number, options: ConnectCommandOptions = {}): Promise<CommandHandle> {
    const { signal } = options
    const all = await this.list({ signal })
    if (!all.some((one) => one.pid === pid))
      throw errorFromFrame({ message: `There is no process ${pid} in machine ${this.#machineId}.`, code: 'process_not_found' })
    return new CommandHandle(this.#work(signal), pid, options)
  }

  /** Processes that were started in the background or live, in the order of their start, with those that have ended. */
  async list(options: ForOneCall = {}): Promise<ProcessInfo[]> {
    const all = await this.#client.call(listProcesses, { params: { id: this.#machineId } }, options)
    return all.map((one) => fromWire(WireProcessInfo, one))
  }

  /** What a process has printed: the first 1 MiB of both outputs together. @throws NotFoundError `process_not_found` */
  async logs(pid: number, options: ForOneCall = {}): Promise<ProcessLogs> {
    return fromWire(WireProcessLogs, await this.#client.call(getProcessLogs, { params: { id: this.#machineId, pid } }, options))
  }

  /** Writes to a process; resolves when the machine has taken it, see `pipeStdin` of a handle. @throws NotFoundError `process_not_found` */
  sendStdin(pid: number, data: string | Uint8Array, options: ForOneCall = {}): Promise<void> {
    return writeStdin(this.#work(options.signal), pid, data, options)
  }

  /** As `pipeStdin` of a handle. @throws NotFoundError `process_not_found` */
  pipeStdin(pid: number, source: AsyncIterable<Uint8Array>, { close = true, signal }: PipeStdinOptions = {}): Promise<PipedInput> {
    return pipeInput({ ...this.#work(signal), pid }, source, close)
  }

  /** Ends the standard input of a process, behind what was sent. @throws NotFoundError `process_not_found` */
  closeStdin(pid: number, { signal }: Pick<ForOneCall, 'signal'> = {}): Promise<void> {
    return endStdin(this.#work(signal), pid)
  }

  /** To its whole process group. Without a signal it is SIGKILL, and resolves when it is gone. @throws NotFoundError `process_not_found` */
  kill(pid: number, signal?: number | string, options: ForOneCall = {}): Promise<void> {
    return signalProcess(this.#work(options.signal), pid, signal, options)
  }

  #work(signal: AbortSignal | undefined): Work {
    return { client: this.#client, machineId: this.#machineId, signal }
  }

  async #runBuffered(command: string, options: RunOptions): Promise<CommandResult> {
    const { timeout = DEFAULT_COMMAND_SECONDS, signal, requestTimeoutMs } = options
    const body: ExecBody = { ...commandBody(command, options), timeout_secs: timeout }
    const result = await this.#client.call(
      execCommand,
      { params: { id: this.#machineId }, body },
      { signal, requestTimeoutMs: requestTimeoutMs ?? commandTimeoutMs(timeout) },
    )
    if (!isResult(result)) throw new TypeError('the command was to be waited for, and was not')
    return fromWire(ExecResult, result)
  }

  async #runLive(command: string, options: RunOptions): Promise<CommandResult> {
    const { onStdout = () => {}, timeout = DEFAULT_COMMAND_SECONDS } = options
    const handle = await this.start(command, { ...options, onStdout, timeout, stdin: false })
    try {
      return await handle.wait()
    } catch (error) {
      // Nobody waits for it any more; where it has ended this does nothing.
      handle.kill().catch(() => {})
      throw error
    }
  }
}

function commandBody(command: string, { args, cwd, envs, shell, user }: CommandOptions) {
  return {
    command,
    ...(args && args.length > 0 ? { args: [...args] } : {}),
    ...(cwd == null ? {} : { cwd }),
    ...(envs == null ? {} : { envs }),
    ...(shell ? { shell } : {}),
    ...(user === undefined ? {} : { user }),
  }
}

const timeOf = ({ timeout }: StartOptions) => (timeout === undefined ? { background: true } : { timeout_secs: timeout })
const isList = (value: readonly string[] | RunOptions | StartOptions): value is readonly string[] => Array.isArray(value)
const isBackground = (options: RunOptions | BackgroundOptions): options is BackgroundOptions => options.background === true
