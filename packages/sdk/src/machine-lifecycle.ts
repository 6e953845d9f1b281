// What happens to a machine between create and destroy, each one call.

import {
  TimeoutLease as WireTimeoutLease,
  forkMachine,
  forkMachineMany,
  getLineage,
  hibernateMachine,
  resumeMachine,
  setTimeout,
} from '@nullspace/contract/lifecycle.ts'
import { MachineInfo as WireMachineInfo } from '@nullspace/contract/machines.ts'
import { SnapshotInfo as WireSnapshotInfo, createSnapshot } from '@nullspace/contract/snapshots.ts'
import type { CallOptions, Client } from './client.ts'
import { MachineError } from './errors.ts'
import { readInfo, type MachineInfo } from './machine-info.ts'
import { fromWire, type Camel } from './naming.ts'
import type { SnapshotInfo } from './snapshot.ts'

/** `timeoutAt` is RFC 3339. */
export type TimeoutLease = Camel<WireTimeoutLease>
/** `nodes` without order; the one without `parentMachineId` is the root. */
export type Lineage = Camel<(typeof getLineage)['success']['body']['_zod']['output']>
export type LineageNode = Lineage['nodes'][number]

export interface SetTimeoutOptions extends Omit<CallOptions, 'idempotencyKey'> {
  /** What happens when the time is up; default: what was said last. */
  readonly timeoutAction?: TimeoutLease['timeoutAction'] | undefined
}

export async function hibernate(client: Client, id: string, options: CallOptions): Promise<SnapshotInfo> {
  return fromWire(WireSnapshotInfo, await client.call(hibernateMachine, { params: { id } }, options))
}

export async function resume(client: Client, id: string, options: CallOptions): Promise<MachineInfo> {
  return fromWire(WireMachineInfo, await client.call(resumeMachine, { params: { id } }, options))
}

const WAKE_ATTEMPTS = 60
const WAKE_DELAY_MS = 500

/** Resumes a paused machine, also when somebody else is at that or at pausing it. Other states are answered as they are. */
export async function wake(client: Client, info: MachineInfo, options: CallOptions): Promise<MachineInfo> {
  for (let attempt = 1; ; attempt += 1) {
    if (info.status !== 'paused') return info
    try {
      return await resume(client, info.id, options)
    } catch (error) {
      const othersAtIt = error instanceof MachineError && ['transition_in_progress', 'machine_not_ready'].includes(error.code)
      if (!othersAtIt || attempt >= WAKE_ATTEMPTS) throw error
    }
    await client.wait(WAKE_DELAY_MS, options.signal)
    info = await readInfo(info.id, { ...options, client })
  }
}

export async function takeSnapshot(client: Client, id: string, options: CallOptions): Promise<SnapshotInfo> {
  return fromWire(WireSnapshotInfo, await client.call(createSnapshot, { params: { id } }, options))
}

export async function forkOne(client: Client, id: string, options: CallOptions): Promise<MachineInfo> {
  return fromWire(WireMachineInfo, await client.call(forkMachine, { params: { id } }, options))
}

export async function forkMany(client: Client, id: string, count: number, options: CallOptions): Promise<MachineInfo[]> {
  const { items } = await client.call(forkMachineMany, { params: { id }, body: { count } }, options)
  return items.map((child) => fromWire(WireMachineInfo, child))
}

export async function setLease(client: Client, id: string, seconds: number, options: SetTimeoutOptions): Promise<TimeoutLease> {
  const { timeoutAction } = options
  const body = { timeout_ms: Math.round(seconds * 1000), ...(timeoutAction == null ? {} : { timeout_action: timeoutAction }) }
  return fromWire(WireTimeoutLease, await client.call(setTimeout, { params: { id }, body }, options))
}

export async function readLineage(client: Client, id: string, options: CallOptions): Promise<Lineage> {
  return fromWire(getLineage.success.body, await client.call(getLineage, { params: { id } }, options))
}
