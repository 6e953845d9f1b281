// /v1/snapshots, and taking one of a machine.

import type { SnapshotInfo } from '@nullspace/contract/snapshots.ts'
import type { App } from '../app/context.ts'
import { createSnapshot, deleteSnapshot, getSnapshot, listSnapshots } from '../app/snapshots.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import type { Handlers } from './implement.ts'
import { metadataFilter } from './machines.ts'

type SnapshotHandlers = Pick<Handlers, 'createSnapshot' | 'listSnapshots' | 'getSnapshot' | 'deleteSnapshot'>

export function snapshotHandlers(app: App): SnapshotHandlers {
  return {
    async createSnapshot({ principal, params, headers }) {
      return snapshotView(await createSnapshot(app, principal, params.id, headers['idempotency-key']))
    },
    async listSnapshots({ principal, query }) {
      const metadata = query.metadata === undefined ? undefined : metadataFilter(query.metadata)
      return (await listSnapshots(app, principal, { machineId: query.machine_id, metadata })).map(snapshotView)
    },
    async getSnapshot({ principal, params }) {
      return snapshotView(await getSnapshot(app, principal, params.id))
    },
    async deleteSnapshot({ principal, params }) {
      await deleteSnapshot(app, principal, params.id)
      return undefined
    },
  }
}

/** A closed object: nothing may be added. */
export function snapshotView({ id, machineId, sizeBytes, createdAt, metadata }: Snapshot): SnapshotInfo {
  return { id, machine_id: machineId, size_bytes: sizeBytes, created_at: new Date(createdAt).toISOString(), metadata: { ...metadata } }
}
