// Terminals of a machine: sessions that outlive the connections to them.

import { AppError } from '@nullspace/contract/errors.ts'
import { terminalIds } from '@nullspace/contract/ids.ts'
import type { PtySessionInfo } from '@nullspace/contract/terminals.ts'
import type { ProcessEntry, TerminalSize } from '../host/guest/guest.ts'
import type { Principal } from '../domain/principal.ts'
import type { App } from './context.ts'
import {
  asked,
  attachProcess,
  type Attached,
  killProcess,
  NOBODY,
  type ProcessListener,
  type StartInput,
  startProcess,
} from './processes.ts'

const DEFAULT_TERM = 'xterm-256color'
/** What SHELL names, the user's own, or what is in every image. A user who is not to log in has none; here he is wanted in. */
const LOGIN_SHELL = [
  'own=$(getent passwd "$(id -u)" | cut -d: -f7)',
  'case $own in */nologin | */false) own= ;; esac',
  'for shell in "$SHELL" "$own" /bin/bash /bin/sh; do if [ -x "$shell" ]; then exec "$shell" -l; fi; done',
].join('\n')

export interface TerminalInput extends Pick<StartInput, 'cwd' | 'envs' | 'user'> {
  readonly size: TerminalSize
  readonly shell?: string | null | undefined
}

export interface Terminal extends Attached {
  readonly info: PtySessionInfo
}

export async function startTerminal(
  app: App,
  principal: Principal,
  machineId: string,
  { size, shell, cwd, envs, user }: TerminalInput,
  listener: ProcessListener,
): Promise<Terminal> {
  const id = terminalIds.mint(app.random)
  const how = shell == null ? { command: LOGIN_SHELL, shell: true } : { command: shell }
  const start = { ...how, cwd, user, envs: { TERM: DEFAULT_TERM, ...envs }, timeoutMs: 0, terminal: size, id }
  const session = await startProcess(app, principal, machineId, start, listener)
  return { ...session, info: view({ id, pid: session.attachment.pid, terminal: size }) }
}

/** From a second client, or after a cut: with what its screen showed last. Exactly one of the two names it. */
export async function connectTerminal(
  app: App,
  principal: Principal,
  machineId: string,
  which: { readonly session_id?: string | null | undefined; readonly pid?: number | null | undefined },
  listener: ProcessListener,
): Promise<Terminal> {
  if ((which.session_id == null) === (which.pid == null))
    throw new AppError('invalid_request', { say: 'Name the terminal by exactly one of session_id and pid.' })
  const found = await find(app, principal, machineId, ({ id, pid }) => (which.pid == null ? id === which.session_id : pid === which.pid))
  const session = await attachProcess(app, principal, machineId, { pid: found.pid, mode: 'follow' }, listener)
  return { ...session, info: view(found) }
}

export async function listTerminals(app: App, principal: Principal, machineId: string): Promise<PtySessionInfo[]> {
  return (await terminals(app, principal, machineId)).map(view)
}

export async function getTerminal(app: App, principal: Principal, machineId: string, sessionId: string): Promise<PtySessionInfo> {
  return view(await find(app, principal, machineId, ({ id }) => id === sessionId))
}

export async function killTerminal(app: App, principal: Principal, machineId: string, sessionId: string): Promise<void> {
  const { pid } = await find(app, principal, machineId, ({ id }) => id === sessionId)
  await killProcess(app, principal, machineId, pid)
}

export async function resizeTerminal(
  app: App,
  principal: Principal,
  machineId: string,
  sessionId: string,
  size: TerminalSize,
): Promise<void> {
  const { pid } = await find(app, principal, machineId, ({ id }) => id === sessionId)
  using session = await attachProcess(app, principal, machineId, { pid, mode: 'wait' }, NOBODY)
  session.attachment.resize(size)
}

type TerminalEntry = Pick<ProcessEntry, 'id' | 'pid'> & { readonly terminal: TerminalSize }

async function terminals(app: App, principal: Principal, machineId: string): Promise<TerminalEntry[]> {
  const all = await asked(app, principal, machineId, (op, guest) => guest.processes(op))
  return all.flatMap(({ id, pid, terminal, running }) => (terminal && running ? [{ id, pid, terminal }] : []))
}

async function find(app: App, principal: Principal, machineId: string, is: (one: TerminalEntry) => boolean): Promise<TerminalEntry> {
  const found = (await terminals(app, principal, machineId)).find(is)
  if (found) return found
  throw new AppError('session_not_found', { say: `There is no such terminal in machine ${machineId}; it may have ended.` })
}

function view({ id, pid, terminal }: TerminalEntry): PtySessionInfo {
  return { session_id: id, pid, ...terminal, exec_id: `exe_${pid}` }
}
