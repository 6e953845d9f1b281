// A snapshot as the daemon thinks of it: what a machine was at one instant, and whose.

import type { MachineId, OwnerId, SnapshotId } from '@nullspace/contract/ids.ts'
import type { Machine, Shape } from './machine.ts'

/** `pause`: of a paused machine, goes with it. `branch`: under the children of one fork while they are made; never shown. */
export type SnapshotKind = 'pause' | 'reusable' | 'branch'

export interface Snapshot {
  readonly id: SnapshotId
  readonly ownerId: OwnerId
  readonly kind: SnapshotKind
  readonly state: 'creating' | 'ready' | 'deleting'
  /** Its source; that may be gone. */
  readonly machineId: MachineId
  /** What its source was made from. */
  readonly parentSnapshotId: SnapshotId | null
  readonly shape: Shape
  readonly diskMb: number
  readonly cwd: string
  readonly envs: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly internetAccess: boolean
  readonly sizeBytes: number
  readonly createdAt: number
}

export function snapshotOf(machine: Machine, id: SnapshotId, kind: SnapshotKind, now: number): Snapshot {
  return {
    id,
    ownerId: machine.ownerId,
    kind,
    state: 'creating',
    machineId: machine.id,
    parentSnapshotId: machine.sourceSnapshotId,
    shape: machine.shape,
    diskMb: machine.diskMb,
    cwd: machine.cwd,
    envs: machine.envs,
    metadata: machine.metadata,
    internetAccess: machine.internetAccess,
    sizeBytes: 0,
    createdAt: now,
  }
}
