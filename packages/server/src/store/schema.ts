// The tables as types. Times are ms since the epoch; JSON columns hold text.

import type { MachineState } from '@nullspace/contract/states.ts'

export interface OwnerTable {
  id: string
  name: string
  created_at: number
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
}

export interface IdempotencyTable {
  owner_id: string
  key: string
  /** SHA-256 of route and body: the same key with another request is a conflict. */
  request_hash: string
  machine_id: string
  created_at: number
}

export interface OperationTable {
  id: string
  kind: string
  machine_id: string
  phase: 'forward' | 'undo'
  state: string
  /** What made it turn to undo. */
  error: string | null
  created_at: number
  updated_at: number
}

export interface Schema {
  owners: OwnerTable
  api_keys: ApiKeyTable
  machines: MachineTable
  idempotency: IdempotencyTable
  operations: OperationTable
}
