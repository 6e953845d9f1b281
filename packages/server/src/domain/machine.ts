// A machine as the daemon thinks of it, and what follows from its fields alone.

import type { MachineId, OwnerId, SnapshotId } from '@nullspace/contract/ids.ts'
import type { MachineState } from '@nullspace/contract/states.ts'

/** What decides which snapshot a machine starts from. */
export interface Shape {
  readonly template: string
  readonly vcpus: number
  readonly memoryMb: number
}

export interface Machine {
  readonly id: MachineId
  readonly ownerId: OwnerId
  readonly state: MachineState
  readonly shape: Shape
  readonly diskMb: number
  readonly cwd: string
  readonly envs: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly internetAccess: boolean
  readonly timeoutMs: number
  readonly timeoutAction: 'destroy' | 'hibernate'
  /** Deadline, ms since the epoch; null until it runs. */
  readonly timeoutAt: number | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly lastActiveAt: number | null
  readonly errorReason: string | null
  readonly slot: number | null
  /** The driver's handle as JSON; null while there is no VM. */
  readonly vmHandle: string | null
  readonly autoResume: boolean
  readonly ephemeral: boolean
  /** Idle for so long, and the timeout action is taken; null = only the absolute deadline counts. */
  readonly inactivityTimeoutMs: number | null
  /** Paused for so long, and it is destroyed; null = never. */
  readonly autoDeleteAfterMs: number | null
  readonly pausedAt: number | null
  /** While it is paused: the snapshot it resumes from. */
  readonly snapshotId: SnapshotId | null
  readonly parentMachineId: MachineId | null
  /** The reusable snapshot it was made from. */
  readonly sourceSnapshotId: SnapshotId | null
}

/** What a machine's VM starts from. */
export type Source = { readonly kind: 'template' } | { readonly kind: 'snapshot'; readonly id: string }

export function isExpired(machine: Machine, now: number): boolean {
  return machine.timeoutAt !== null && machine.timeoutAt <= now && machine.state !== 'destroyed' && machine.state !== 'creating'
}

/** Whether its idle time is over. `lastActiveAt` is the latest that is known, written or not. */
export function isIdle({ state, inactivityTimeoutMs, startedAt }: Machine, lastActiveAt: number | null, now: number): boolean {
  if (state !== 'running' || inactivityTimeoutMs === null) return false
  return Math.max(lastActiveAt ?? 0, startedAt ?? 0) + inactivityTimeoutMs <= now
}

export function isForgotten({ state, autoDeleteAfterMs, pausedAt }: Machine, now: number): boolean {
  return state === 'paused' && autoDeleteAfterMs !== null && pausedAt !== null && pausedAt + autoDeleteAfterMs <= now
}

export function remainingMs(machine: Machine, now: number): number | undefined {
  return machine.timeoutAt === null ? undefined : Math.max(0, machine.timeoutAt - now)
}
