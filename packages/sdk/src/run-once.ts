// A machine for one command: create, run, destroy; or keep it for a look when the command failed.

import { Client } from './client.ts'
import { DEFAULT_COMMAND_SECONDS, type CommandResult, type RunOptions } from './commands.ts'
import { MachineError, NotFoundError } from './errors.ts'
import type { Machine } from './machine.ts'
import type { CreateMachineOptions } from './machine-options.ts'

export interface RunOnceOptions extends Omit<CreateMachineOptions, 'timeout'>, Pick<RunOptions, 'shell' | 'args'> {
  /** Seconds the command may take; default 30. The machine lives at most a minute longer, whatever happens to this program. */
  readonly timeout?: number | undefined
  /** Keep the machine when the command exits with another code than 0, runs out of time or cannot be run. Default false. */
  readonly retainOnFailure?: boolean | undefined
  /** How long it is kept, seconds; then it is destroyed. Default 3600. */
  readonly retentionSeconds?: number | undefined
}

export type RunOnceResult = CommandResult & {
  readonly machineId: string
  /** Whether the machine is still there. */
  readonly retained: boolean
}

export const RUN_ONCE_DEFAULTS = { timeout: DEFAULT_COMMAND_SECONDS, retentionSeconds: 3600 } as const
const MARGIN_SECONDS = 60

type Create = (options: CreateMachineOptions) => Promise<Machine>

export async function runOnce(command: string, options: RunOnceOptions, create: Create): Promise<RunOnceResult> {
  const { shell, args, timeout = RUN_ONCE_DEFAULTS.timeout, cwd, envs, signal, requestTimeoutMs } = options
  const client = Client.of(options)
  // A snapshot's environment is its own; a kept machine had better have that of its command.
  const place = { cwd, envs }
  const [ofMachine, ofCommand] = options.snapshotId == null ? [place, {}] : [{ cwd: undefined, envs: undefined }, place]
  const machine = await create({ ...options, ...ofMachine, client, timeout: timeout + MARGIN_SECONDS })
  try {
    const result = await machine.commands.run(command, { ...ofCommand, shell, args, timeout, signal, requestTimeoutMs })
    const retained = result.exitCode !== 0 && (await keep(machine, options))
    if (!retained) await machine[Symbol.asyncDispose]()
    return { ...result, machineId: machine.id, retained }
  } catch (error) {
    // Whoever aborts has given up on the machine as well.
    if (error instanceof MachineError && (await keep(machine, options))) error.retainedMachineId = machine.id
    else await machine[Symbol.asyncDispose]()
    throw error
  }
}

/** Whether it stays: its deadline is put off if it can be; one that failed has a deadline of its own and stays that long. */
async function keep(machine: Machine, { retainOnFailure, retentionSeconds }: RunOnceOptions): Promise<boolean> {
  if (!retainOnFailure) return false
  try {
    await machine.setTimeout(retentionSeconds ?? RUN_ONCE_DEFAULTS.retentionSeconds, { timeoutAction: 'destroy' })
    return true
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    return !(error instanceof NotFoundError)
  }
}
