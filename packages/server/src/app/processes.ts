// Processes that are kept in their machine: started, listed, read, written to, ended.

import { StringDecoder } from 'node:string_decoder'
import { AppError } from '@nullspace/contract/errors.ts'
import { GuestPath } from '@nullspace/contract/machines.ts'
import type { ProcessInfo, ProcessLogs } from '@nullspace/contract/processes.ts'
import type { Attachment, AttachListener, Guest, ProcessEntry, ProcessLogs as GuestLogs, TerminalSize } from '../host/guest/guest.ts'
import type { Principal } from '../domain/principal.ts'
import { DeadlineError, Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { useMachine, workFailure } from './use.ts'

/** For the guest to start a process, or to answer for one. */
const ANSWER_MS = 15_000
const LOOK_MS = 2_000
/** For a process to read what it was sent. */
const DRAIN_MS = 5_000
/** For a process that does not read to take what it is sent. */
const STDIN_MS = 25_000
const SIGKILL = 9

export interface StartInput {
  readonly command: string
  readonly args?: readonly string[] | null | undefined
  readonly shell?: boolean | null | undefined
  readonly cwd?: string | null | undefined
  readonly envs?: Readonly<Record<string, string>> | null | undefined
  readonly user?: string | null | undefined
  /** 0 = none. */
  readonly timeoutMs: number
  readonly terminal?: TerminalSize
  /** Of a terminal: its session. */
  readonly id?: string
}

/** While it is held the machine is in use. Disposing of it leaves the process. */
export interface Attached extends Disposable {
  readonly attachment: Attachment
}

export type ProcessListener = AttachListener

/** For a process that nobody listens to. */
export const NOBODY: ProcessListener = { output: () => {}, ended: () => {}, lost: () => {} }

export async function startProcess(
  app: App,
  principal: Principal,
  machineId: string,
  input: StartInput,
  listener: ProcessListener,
): Promise<Attached> {
  const cwd = guestCwd(input.cwd)
  return attached(app, principal, machineId, (op, guest, machine) =>
    guest.start(
      op,
      {
        argv: argvOf(input),
        env: { ...machine.envs, ...input.envs },
        cwd: cwd ?? machine.cwd,
        user: input.user ?? '',
        timeoutMs: input.timeoutMs,
        terminal: input.terminal ?? null,
        id: input.id ?? '',
        label: [input.command, ...(input.args ?? [])].join(' ').slice(0, 4096),
      },
      listener,
    ),
  )
}

export async function attachProcess(
  app: App,
  principal: Principal,
  machineId: string,
  { pid, mode }: { readonly pid: number; readonly mode: 'wait' | 'follow' },
  listener: ProcessListener,
): Promise<Attached> {
  return attached(app, principal, machineId, (op, guest) => guest.attach(op, pid, mode, listener))
}

/** For one who looks on: wakes nothing, is no use of the machine; null when the guest has no answer now. */
export async function processesNow(app: App, machineId: string): Promise<ProcessInfo[] | null> {
  const guest = app.host.guest(machineId)
  if (!guest) return null
  using op = new Op(`look at processes of ${machineId}`, { timeoutMs: LOOK_MS })
  return guest.processes(op).then(infosOf, () => null)
}

export async function listProcesses(app: App, principal: Principal, machineId: string): Promise<ProcessInfo[]> {
  return infosOf(await asked(app, principal, machineId, (op, guest) => guest.processes(op)))
}

/** Terminals have a list of their own. */
function infosOf(all: readonly ProcessEntry[]): ProcessInfo[] {
  return all.filter(({ terminal }) => !terminal).map(({ pid, label, running }) => ({ pid, command: label, running }))
}

export async function processLogs(app: App, principal: Principal, machineId: string, pid: number): Promise<ProcessLogs> {
  return textOf(await asked(app, principal, machineId, (op, guest) => guest.logs(op, pid)))
}

export async function sendStdin(app: App, principal: Principal, machineId: string, pid: number, data: Uint8Array): Promise<void> {
  using process = await attachProcess(app, principal, machineId, { pid, mode: 'wait' }, NOBODY)
  using op = new Op(`standard input of ${pid} in ${machineId}`, { timeoutMs: STDIN_MS })
  try {
    await process.attachment.write(op, data).catch((error: unknown) => {
      if (!(error instanceof DeadlineError)) throw error
      throw new AppError('exec_failed', {
        say: `Process ${pid} does not read its input: not all of this could be passed on within ${STDIN_MS / 1000} s.`,
        details: { reason: 'not_read' },
      })
    })
    // Whoever sends piece by piece goes no faster than the process reads. What one that does not read is sent, waits in the
    // guest, as far as there is room.
    using wait = new Op(op.name, { timeoutMs: DRAIN_MS, signal: op.signal })
    await process.attachment.drained(wait).catch((error: unknown) => {
      if (!(error instanceof DeadlineError)) throw error
    })
  } catch (error) {
    throw await workFailure(app, machineId, error)
  }
}

/** Resolves when it is gone; of one that has ended already, at once. */
export async function killProcess(app: App, principal: Principal, machineId: string, pid: number): Promise<void> {
  const over = Promise.withResolvers<void>()
  over.promise.catch(() => {})
  using process = await attachProcess(
    app,
    principal,
    machineId,
    { pid, mode: 'wait' },
    { ...NOBODY, ended: () => over.resolve(), lost: over.reject },
  )
  using op = new Op(`kill ${pid} in ${machineId}`, { timeoutMs: ANSWER_MS })
  process.attachment.signal(SIGKILL)
  try {
    await op.race(over.promise)
  } catch (error) {
    throw await workFailure(app, machineId, error)
  }
}

/** Asks the guest one thing. */
export async function asked<T>(app: App, principal: Principal, machineId: string, ask: (op: Op, guest: Guest) => Promise<T>): Promise<T> {
  using use = await useMachine(app, principal, machineId)
  using op = new Op(`ask ${machineId}`, { timeoutMs: ANSWER_MS })
  try {
    return await ask(op, use.guest)
  } catch (error) {
    throw await workFailure(app, machineId, error)
  }
}

type Use = Awaited<ReturnType<typeof useMachine>>

async function attached(
  app: App,
  principal: Principal,
  machineId: string,
  open: (op: Op, guest: Guest, machine: Use['machine']) => Promise<Attachment>,
): Promise<Attached> {
  const use = await useMachine(app, principal, machineId)
  try {
    using op = new Op(`attach in ${machineId}`, { timeoutMs: ANSWER_MS })
    const attachment = await open(op, use.guest, use.machine)
    return {
      attachment,
      [Symbol.dispose]: () => {
        attachment.detach()
        use[Symbol.dispose]()
      },
    }
  } catch (error) {
    use[Symbol.dispose]()
    throw await workFailure(app, machineId, error)
  }
}

export function argvOf({ command, args, shell }: Pick<StartInput, 'command' | 'args' | 'shell'>): string[] {
  return shell ? ['/bin/sh', '-c', command] : [command, ...(args ?? [])]
}

/** A directory inside the machine that may be worked in. */
export function guestCwd(value: string | null | undefined): string | undefined {
  if (value == null) return undefined
  const parsed = GuestPath.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError('invalid_request', { say: `cwd: ${parsed.error.issues[0]?.message ?? 'is not valid'}`, details: { field: 'cwd' } })
}

/** A character whose end has not been printed yet is not shown: what was shown once stays as it is. */
export function textOf({ parts, running, exitCode, droppedStdout, droppedStderr }: GuestLogs): ProcessLogs {
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const texts = { stdout: '', stderr: '' }
  const kept = { stdout: 0, stderr: 0 }
  let output = ''
  for (const { kind, bytes } of parts) {
    kept[kind] += bytes.length
    const text = decoders[kind].write(Buffer.from(bytes))
    texts[kind] += text
    output += text
  }
  const dropped = { stdout: droppedStdout, stderr: droppedStderr }
  for (const kind of ['stdout', 'stderr'] as const) {
    if (running || dropped[kind] > 0) continue
    const rest = decoders[kind].end()
    texts[kind] += rest
    output += rest
  }
  const all = droppedStdout + droppedStderr
  const missing = all > 0 ? { dropped_bytes: all, stdout_kept_bytes: kept.stdout, stderr_kept_bytes: kept.stderr } : {}
  return { ...texts, output, exit_code: running ? null : exitCode, ...missing }
}
