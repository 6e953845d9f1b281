// The tables as types. Times are ms since the epoch; JSON columns hold text.

import type { ActorKind, LifecycleOperation, LifecycleStatus } from '@nullspace/contract/events.ts'
import type { MachineState } from '@nullspace/contract/states.ts'
import type { DeliveryStatus } from '@nullspace/contract/webhooks.ts'
import type { Generated } from 'kysely'
import type { Upload, UploadState } from '../domain/upload.ts'

export interface OwnerTable {
  id: string
  name: string
  created_at: number
  /** JSON of what differs from the host's default; null = nothing does. */
  quota: string | null
}

export interface ApiKeyTable {
  id: string
  owner_id: string
  name: string | null
  scope: 'operator' | 'user'
  /** First characters of the key, for people. */
  prefix: string
  /** SHA-256 of the key, hex. */
  hash: string
  created_at: number
  last_used_at: number | null
  revoked_at: number | null
}

export interface MachineTable {
  id: string
  owner_id: string
  state: MachineState
  template: string
  vcpus: number
  memory_mb: number
  disk_mb: number
  cwd: string
  envs: string
  metadata: string
  internet_access: 0 | 1
  timeout_ms: number
  timeout_action: 'destroy' | 'hibernate'
  timeout_at: number | null
  created_at: number
  started_at: number | null
  last_active_at: number | null
  error_reason: string | null
  slot: number | null
  vm_handle: string | null
  auto_resume: 0 | 1
  ephemeral: 0 | 1
  inactivity_timeout_ms: number | null
  auto_delete_after_ms: number | null
  paused_at: number | null
  /** While it is paused: the snapshot it resumes from. */
  snapshot_id: string | null
  parent_machine_id: string | null
  source_snapshot_id: string | null
}

export interface SnapshotTable {
  id: string
  owner_id: string
  /** `pause`: of a paused machine; `branch`: under the children of a fork while they are made, never shown. */
  kind: 'pause' | 'reusable' | 'branch'
  state: 'creating' | 'ready' | 'deleting'
  machine_id: string
  parent_snapshot_id: string | null
  template: string
  vcpus: number
  memory_mb: number
  disk_mb: number
  cwd: string
  envs: string
  metadata: string
  internet_access: 0 | 1
  size_bytes: number
  created_at: number
}

export interface LineageTable {
  machine_id: string
  owner_id: string
  parent_machine_id: string | null
  origin: 'template' | 'snapshot' | 'fork'
  snapshot_id: string | null
  template: string
  created_at: number
  destroyed_at: number | null
}

export interface IdempotencyTable {
  owner_id: string
  key: string
  /** SHA-256 of route and body: the same key with another request is a conflict. */
  request_hash: string
  /** What the request made, comma-separated: one machine, one snapshot, or the children of a fork. */
  resource_ids: string
  created_at: number
}

export interface OperationTable {
  id: string
  kind: string
  /** Id of what it is on: a machine, or the snapshot that children are made from. */
  subject: string
  phase: 'forward' | 'undo'
  state: string
  /** What made it turn to undo. */
  error: string | null
  created_at: number
  updated_at: number
}

/** The outbox: written in the transaction of the change that it tells. */
export interface EventTable {
  seq: Generated<number>
  id: string
  owner_id: string
  occurred_at: number
  operation: LifecycleOperation
  status: LifecycleStatus
  actor_kind: ActorKind
  machine_id: string | null
  snapshot_id: string | null
  source_machine_id: string | null
  target_machine_id: string | null
  reason: string | null
  error_code: string | null
  error_message: string | null
  metadata: string
}

export interface WebhookTable {
  id: string
  owner_id: string
  url: string
  operations: string
  signing_secret: string
  enabled: 0 | 1
  created_at: number
  updated_at: number
  /** Of the latest attempt. */
  last_delivery_at: number | null
  last_delivery_status: DeliveryStatus | null
  last_error: string | null
}

export interface DeliveryTable {
  id: string
  webhook_id: string
  event_id: string
  operation: LifecycleOperation
  status: LifecycleStatus
  delivery_status: DeliveryStatus
  attempt_count: number
  created_at: number
  /** Null when there will be none. */
  next_attempt_at: number | null
  last_attempt_at: number | null
  last_response_status: number | null
  last_error: string | null
}

export interface AttemptTable {
  id: string
  delivery_id: string
  attempt_number: number
  attempted_at: number
  duration_ms: number
  response_status: number | null
  error_code: string | null
  error_message: string | null
}

export interface UploadTable {
  id: string
  owner_id: string
  machine_id: string
  kind: Upload['kind']
  source_kind: Upload['sourceKind']
  /** JSON. */
  target_path: string
  content_length: number
  part_size: number
  conflict: Upload['conflict']
  checksum: string | null
  guest_user: string | null
  state: UploadState
  created_at: number
  updated_at: number
  maybe_published: 0 | 1
  published_bytes: number | null
  published_files: number | null
  failure_key: string | null
  /** JSON. */
  failure: string | null
}

/** Parts that are whole and on the host's disk. */
export interface UploadPartTable {
  upload_id: string
  part: number
  file: string
  bytes: number
}

export interface Schema {
  owners: OwnerTable
  api_keys: ApiKeyTable
  machines: MachineTable
  idempotency: IdempotencyTable
  operations: OperationTable
  snapshots: SnapshotTable
  lineage: LineageTable
  events: EventTable
  webhooks: WebhookTable
  webhook_deliveries: DeliveryTable
  webhook_attempts: AttemptTable
  uploads: UploadTable
  upload_parts: UploadPartTable
}
