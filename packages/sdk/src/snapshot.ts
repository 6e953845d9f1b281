// Snapshots: memory, device state and disk of a machine at one instant, to make any number of machines from.

import { SnapshotInfo as WireSnapshotInfo, deleteSnapshot, getSnapshot, listSnapshots } from '@nullspace/contract/snapshots.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

/** `sizeBytes` is what it keeps for itself: changed memory, device state, changed disk. `metadata` is the machine's as it was then. */
export type SnapshotInfo = Camel<WireSnapshotInfo>

export interface ListSnapshotsOptions extends Connection {
  /** Only those that were taken of this machine. */
  readonly machineId?: string | undefined
  /** Only those whose metadata has all these pairs. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

export const Snapshot = {
  /** @throws NotFoundError `snapshot_not_found` */
  async get(id: string, options: Connection = {}): Promise<SnapshotInfo> {
    return fromWire(WireSnapshotInfo, await Client.of(options).call(getSnapshot, { params: { id } }, options))
  },

  /** Newest first. */
  async list(options: ListSnapshotsOptions = {}): Promise<SnapshotInfo[]> {
    const query = {
      ...(options.machineId === undefined ? {} : { machine_id: options.machineId }),
      ...(options.metadata === undefined ? {} : { metadata: JSON.stringify(options.metadata) }),
    }
    const snapshots = await Client.of(options).call(listSnapshots, { query }, options)
    return snapshots.map((snapshot) => fromWire(WireSnapshotInfo, snapshot))
  },

  /** Machines that were made from it go on. @throws NotFoundError, ConflictError `snapshot_in_use` */
  async delete(id: string, options: Connection = {}): Promise<void> {
    await Client.of(options).call(deleteSnapshot, { params: { id } }, options)
  },
}
