// Machines in the database.

import type { MachineId, OwnerId, SnapshotId } from '@nullspace/contract/ids.ts'
import type { MachineState } from '@nullspace/contract/states.ts'
import { type Selectable, sql } from 'kysely'
import type { Machine } from '../../domain/machine.ts'
import type { PageKey } from '../../domain/page-key.ts'
import type { Db, Tx } from '../db.ts'
import type { MachineTable } from '../schema.ts'

export interface MachineFilter {
  readonly ownerId: OwnerId
  readonly states?: readonly MachineState[]
  readonly template?: string
  /** All pairs must match, compared as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly after?: PageKey
  readonly limit?: number
}

export async function insertMachine(db: Db | Tx, machine: Machine): Promise<void> {
  await db.insertInto('machines').values(toRow(machine)).execute()
}

/** Changes the named fields; false when the machine is not there or not in one of `from`. */
export async function updateMachine(
  db: Db | Tx,
  id: string,
  change: Partial<Omit<Machine, 'id' | 'ownerId'>>,
  from?: readonly MachineState[],
): Promise<boolean> {
  const row = toRow(change)
  let query = db.updateTable('machines').set(row).where('id', '=', id)
  if (from) query = query.where('state', 'in', from)
  const { numUpdatedRows } = await query.executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function deleteMachine(db: Db | Tx, id: string): Promise<void> {
  await db.deleteFrom('machines').where('id', '=', id).execute()
}

export async function findMachine(db: Db | Tx, id: string): Promise<Machine | null> {
  const row = await db.selectFrom('machines').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? fromRow(row) : null
}

export async function listMachines(db: Db | Tx, filter: MachineFilter): Promise<Machine[]> {
  let query = db.selectFrom('machines').selectAll().where('owner_id', '=', filter.ownerId).where('state', '!=', 'destroyed')
  if (filter.states) query = query.where('state', 'in', filter.states)
  if (filter.template !== undefined) query = query.where('template', '=', filter.template)
  for (const [key, value] of Object.entries(filter.metadata ?? {})) {
    // json_each finds any key, also one that would need quoting in a path; -> gives the value as JSON text.
    query = query.where(
      sql<boolean>`exists (select 1 from json_each(machines.metadata) pair where pair.key = ${key} and machines.metadata -> pair.fullkey = ${JSON.stringify(value)})`,
    )
  }
  const { after } = filter
  if (after) {
    query = query.where((eb) =>
      eb.or([eb('created_at', '<', after.createdAt), eb.and([eb('created_at', '=', after.createdAt), eb('id', '<', after.id)])]),
    )
  }
  query = query.orderBy('created_at', 'desc').orderBy('id', 'desc')
  if (filter.limit !== undefined) query = query.limit(filter.limit)
  return (await query.execute()).map(fromRow)
}

/** Of all owners; for reconcilers and start-up. */
export async function allMachines(db: Db | Tx, states?: readonly MachineState[]): Promise<Machine[]> {
  let query = db.selectFrom('machines').selectAll()
  if (states) query = query.where('state', 'in', states)
  return (await query.execute()).map(fromRow)
}

/** Of all owners, but for the destroyed: what a measurement needs, and nothing that is large. */
export async function measuredMachines(db: Db): Promise<Pick<Machine, 'id' | 'ownerId' | 'state' | 'shape' | 'diskMb'>[]> {
  const columns = ['id', 'owner_id', 'state', 'template', 'vcpus', 'memory_mb', 'disk_mb'] as const
  const rows = await db.selectFrom('machines').select(columns).where('state', '!=', 'destroyed').execute()
  return rows.map((row) => ({
    id: row.id as MachineId,
    ownerId: row.owner_id as OwnerId,
    state: row.state,
    shape: { template: row.template, vcpus: row.vcpus, memoryMb: row.memory_mb },
    diskMb: row.disk_mb,
  }))
}

export interface MachinePrint {
  readonly id: string
  /** Differs when something that is shown does, but for the last use. */
  readonly print: string
  readonly lastActiveAt: number | null
}

/** Of an owner, in the order of a list. Environments are not read, and nothing is parsed. */
export async function machinePrints(db: Db, ownerId: OwnerId): Promise<MachinePrint[]> {
  const rows = await db
    .selectFrom('machines')
    .select(['id', 'last_active_at', ...PRINTED])
    .where('owner_id', '=', ownerId)
    .where('state', '!=', 'destroyed')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  return rows.map(({ id, last_active_at, ...shown }) => ({ id, print: JSON.stringify(shown), lastActiveAt: last_active_at }))
}

/** What is shown of a machine that can change. */
const PRINTED = [
  'state',
  'vcpus',
  'memory_mb',
  'disk_mb',
  'cwd',
  'metadata',
  'internet_access',
  'timeout_ms',
  'timeout_action',
  'timeout_at',
  'started_at',
  'error_reason',
  'auto_resume',
  'ephemeral',
  'inactivity_timeout_ms',
  'auto_delete_after_ms',
  'paused_at',
  'snapshot_id',
  'parent_machine_id',
  'source_snapshot_id',
] as const satisfies readonly (keyof MachineTable)[]

export async function findMachines(db: Db, ids: readonly string[]): Promise<Machine[]> {
  if (ids.length === 0) return []
  return (await db.selectFrom('machines').selectAll().where('id', 'in', ids).execute()).map(fromRow)
}

/** A machine that is being resumed is `paused` until it runs, and takes its vCPUs and memory from the begin. */
export const RUNS_OR_WILL = sql<boolean>`(state in ('running', 'creating') or exists (select 1 from operations where operations.subject = machines.id and operations.kind = 'resume'))`

/** Of all owners: those that memory of the host is promised to. */
export async function promisedMachines(db: Db | Tx): Promise<Machine[]> {
  return (await db.selectFrom('machines').selectAll().where(RUNS_OR_WILL).execute()).map(fromRow)
}

export async function expiredMachines(db: Db, now: number): Promise<Machine[]> {
  const rows = await db
    .selectFrom('machines')
    .selectAll()
    .where('timeout_at', '<=', now)
    .where('state', 'not in', ['creating', 'destroyed'])
    .orderBy('timeout_at')
    .execute()
  return rows.map(fromRow)
}

/** Running ones whose idle time has passed, by what is written of their last use; it may have been later. */
export async function idlingMachines(db: Db, now: number): Promise<Machine[]> {
  const rows = await db
    .selectFrom('machines')
    .selectAll()
    .where('state', '=', 'running')
    .where('inactivity_timeout_ms', 'is not', null)
    .where(sql<boolean>`max(coalesce(last_active_at, 0), coalesce(started_at, 0)) + inactivity_timeout_ms <= ${now}`)
    .execute()
  return rows.map(fromRow)
}

/** Paused ones that are to be destroyed now. */
export async function forgettableMachines(db: Db, now: number): Promise<Machine[]> {
  const rows = await db
    .selectFrom('machines')
    .selectAll()
    .where('state', '=', 'paused')
    .where('auto_delete_after_ms', 'is not', null)
    .where(sql<boolean>`paused_at + auto_delete_after_ms <= ${now}`)
    .execute()
  return rows.map(fromRow)
}

export async function countByState(db: Db): Promise<Readonly<Record<MachineState, number>>> {
  const rows = await db
    .selectFrom('machines')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  return {
    creating: 0,
    running: 0,
    paused: 0,
    destroyed: 0,
    error: 0,
    ...Object.fromEntries(rows.map((row) => [row.state, Number(row.count)])),
  }
}

function toRow(machine: Machine): MachineTable
function toRow(change: Partial<Machine>): Partial<MachineTable>
function toRow(machine: Partial<Machine>): Partial<MachineTable> {
  return defined({
    id: machine.id,
    owner_id: machine.ownerId,
    state: machine.state,
    template: machine.shape?.template,
    vcpus: machine.shape?.vcpus,
    memory_mb: machine.shape?.memoryMb,
    disk_mb: machine.diskMb,
    cwd: machine.cwd,
    envs: json(machine.envs),
    metadata: json(machine.metadata),
    internet_access: flag(machine.internetAccess),
    timeout_ms: machine.timeoutMs,
    timeout_action: machine.timeoutAction,
    timeout_at: machine.timeoutAt,
    created_at: machine.createdAt,
    started_at: machine.startedAt,
    last_active_at: machine.lastActiveAt,
    error_reason: machine.errorReason,
    slot: machine.slot,
    vm_handle: machine.vmHandle,
    auto_resume: flag(machine.autoResume),
    ephemeral: flag(machine.ephemeral),
    inactivity_timeout_ms: machine.inactivityTimeoutMs,
    auto_delete_after_ms: machine.autoDeleteAfterMs,
    paused_at: machine.pausedAt,
    snapshot_id: machine.snapshotId,
    parent_machine_id: machine.parentMachineId,
    source_snapshot_id: machine.sourceSnapshotId,
  })
}

const flag = (value: boolean | undefined): 0 | 1 | undefined => (value === undefined ? undefined : value ? 1 : 0)
const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value))

function defined(row: { [K in keyof MachineTable]: MachineTable[K] | undefined }): Partial<MachineTable> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Partial<MachineTable>
}

function fromRow(row: Selectable<MachineTable>): Machine {
  return {
    id: row.id as MachineId,
    ownerId: row.owner_id as OwnerId,
    state: row.state,
    shape: { template: row.template, vcpus: row.vcpus, memoryMb: row.memory_mb },
    diskMb: row.disk_mb,
    cwd: row.cwd,
    envs: JSON.parse(row.envs) as Record<string, string>,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    internetAccess: row.internet_access === 1,
    timeoutMs: row.timeout_ms,
    timeoutAction: row.timeout_action,
    timeoutAt: row.timeout_at,
    createdAt: row.created_at,
    startedAt: row.started_at,
    lastActiveAt: row.last_active_at,
    errorReason: row.error_reason,
    slot: row.slot,
    vmHandle: row.vm_handle,
    autoResume: row.auto_resume === 1,
    ephemeral: row.ephemeral === 1,
    inactivityTimeoutMs: row.inactivity_timeout_ms,
    autoDeleteAfterMs: row.auto_delete_after_ms,
    pausedAt: row.paused_at,
    snapshotId: row.snapshot_id as SnapshotId | null,
    parentMachineId: row.parent_machine_id as MachineId | null,
    sourceSnapshotId: row.source_snapshot_id as SnapshotId | null,
  }
}
