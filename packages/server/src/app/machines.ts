// Machines as their owner reads them.

import { AppError } from '@nullspace/contract/errors.ts'
import { isLegal, type MachineState, type Verb } from '@nullspace/contract/states.ts'
import type { Machine } from '../domain/machine.ts'
import type { PageKey } from '../domain/page-key.ts'
import type { Principal } from '../domain/principal.ts'
import { findMachine, listMachines as listRows } from '../store/tables/machines.ts'
import type { App } from './context.ts'

export async function getMachine(app: App, principal: Principal, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine || machine.ownerId !== principal.ownerId || machine.state === 'destroyed') throw noMachine(id)
  return machine
}

/**
 * The machine for who is about to change it. One that says it is paused is paused, though its VM may still be ending:
 * that is waited for, it is no conflict.
 */
export async function settledMachine(app: App, principal: Principal, id: string): Promise<Machine> {
  const machine = await getMachine(app, principal, id)
  const ending = app.lock.inFlight(id, 'hibernate') ?? app.lock.inFlight(id, 'park')
  if (machine.state !== 'paused' || !ending) return machine
  await app.lock.released(id)
  return getMachine(app, principal, id)
}

/** Also for what is another owner's: that it exists is not told. */
export function noMachine(id: string): AppError {
  return new AppError('machine_not_found', { say: `There is no machine ${id.slice(0, 80)}.` })
}

/** Unless `verb` may begin on it now. */
export function refuseUnready(machine: Machine, verb: Verb): void {
  if (!isLegal(verb, machine.state)) throw notReady(machine)
}

export function notReady({ id, state, errorReason }: Machine): AppError {
  const why = state === 'error' ? ` because ${errorReason ?? 'it failed'}` : ''
  return new AppError('machine_not_ready', { say: `Machine ${id} is in state ${state}${why}.`, details: { status: state } })
}

/** Something else is changing it; the caller is told at once and does not wait. */
export function busy(app: App, id: string): AppError {
  const holder = app.lock.holder(id) ?? 'another operation'
  return new AppError('transition_in_progress', {
    say: `Machine ${id} is busy: ${holder} is at work on it.`,
    details: { operation: holder },
  })
}

export interface ListRequest {
  readonly states?: readonly MachineState[]
  readonly template?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly after?: PageKey
  readonly limit?: number
}

export interface MachinePage {
  readonly machines: readonly Machine[]
  readonly next: PageKey | null
}

export async function listMachines(app: App, principal: Principal, request: ListRequest): Promise<MachinePage> {
  const { limit } = request
  const rows = await listRows(app.db, { ...request, ownerId: principal.ownerId, ...(limit === undefined ? {} : { limit: limit + 1 }) })
  const machines = limit === undefined ? rows : rows.slice(0, limit)
  const last = machines.at(-1)
  return { machines, next: limit !== undefined && rows.length > limit && last ? { createdAt: last.createdAt, id: last.id } : null }
}
