// Snapshots on the wire: memory, device state and disk of a machine at one instant.

import { z } from 'zod'
import { IdempotencyHeaders, MachineParams, Metadata } from './machines.ts'
import { NO_BODY, route } from './route.ts'

/** Closed object: the published client fails on any further key. */
export const SnapshotInfo = z.object({
  id: z.string(),
  /** The machine it was taken of; that may be gone. */
  machine_id: z.string(),
  /** What it keeps for itself: changed memory, device state, changed disk. Bytes. */
  size_bytes: z.number().int(),
  created_at: z.iso.datetime(),
  /** Of the machine, as it was then. */
  metadata: Metadata.optional(),
})
export type SnapshotInfo = z.output<typeof SnapshotInfo>

export const SnapshotParams = z.object({ id: z.string() })

export const createSnapshot = route({
  id: 'createSnapshot',
  method: 'POST',
  path: '/v1/machines/{id}/snapshots',
  summary: 'Take a reusable snapshot of a running or paused machine; a running one goes on.',
  access: 'key',
  params: MachineParams,
  headers: IdempotencyHeaders,
  success: { status: 201, body: SnapshotInfo },
  errors: [
    'invalid_request',
    'unauthorized',
    'quota_exceeded',
    'machine_not_found',
    'machine_not_ready',
    'transition_in_progress',
    'idempotency_conflict',
    'capacity_exceeded',
    'rebuild_required',
    'no_eligible_runtime_host',
    'insufficient_storage',
    'draining',
  ],
})

export const listSnapshots = route({
  id: 'listSnapshots',
  method: 'GET',
  path: '/v1/snapshots',
  summary: 'List snapshots, newest first; `metadata` is a JSON object whose pairs must all match.',
  access: 'key',
  query: z.strictObject({ machine_id: z.string().optional(), metadata: z.string().optional() }),
  success: { status: 200, body: z.array(SnapshotInfo) },
  errors: ['invalid_request', 'unauthorized'],
})

export const getSnapshot = route({
  id: 'getSnapshot',
  method: 'GET',
  path: '/v1/snapshots/{id}',
  summary: 'Read a snapshot.',
  access: 'key',
  params: SnapshotParams,
  success: { status: 200, body: SnapshotInfo },
  errors: ['unauthorized', 'snapshot_not_found'],
})

export const deleteSnapshot = route({
  id: 'deleteSnapshot',
  method: 'DELETE',
  path: '/v1/snapshots/{id}',
  summary: 'Delete a snapshot. Machines that were made from it go on.',
  access: 'key',
  params: SnapshotParams,
  success: { status: 204, body: NO_BODY },
  errors: ['unauthorized', 'snapshot_not_found', 'snapshot_in_use'],
})
