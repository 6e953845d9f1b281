// A machine as the wire shows it. An optional field without a value is left out: the published client fails on null.

import { AppError } from '@nullspace/contract/errors.ts'
import { MACHINE_FIELDS, type MachineInfo } from '@nullspace/contract/machines.ts'
import { type Machine, remainingMs } from '../domain/machine.ts'

export function machineView(machine: Machine, { now, lastActiveAt }: { now: number; lastActiveAt?: number | undefined }): MachineInfo {
  const remaining = remainingMs(machine, now)
  const active = lastActiveAt ?? machine.lastActiveAt
  return {
    id: machine.id,
    status: machine.state,
    config: { vcpus: machine.shape.vcpus, memory_mb: machine.shape.memoryMb, disk_mb: machine.diskMb },
    template: machine.shape.template,
    created_at: iso(machine.createdAt),
    metadata: { ...machine.metadata },
    timeout_ms: machine.timeoutMs,
    timeout_action: machine.timeoutAction,
    ephemeral: machine.ephemeral,
    auto_resume: machine.autoResume,
    cwd: machine.cwd,
    ...(machine.startedAt === null ? {} : { started_at: iso(machine.startedAt) }),
    ...(machine.timeoutAt === null ? {} : { timeout_at: iso(machine.timeoutAt), expires_at: iso(machine.timeoutAt) }),
    ...(remaining === undefined ? {} : { remaining_ms: remaining }),
    ...(active === null ? {} : { last_active_at: iso(active) }),
    ...(machine.inactivityTimeoutMs === null ? {} : { inactivity_timeout_ms: machine.inactivityTimeoutMs }),
    ...(machine.autoDeleteAfterMs === null ? {} : { auto_delete_after_ms: machine.autoDeleteAfterMs }),
    ...(machine.state === 'paused' && machine.snapshotId !== null ? { snapshot_id: machine.snapshotId } : {}),
    ...(machine.parentMachineId === null ? {} : { parent_machine_id: machine.parentMachineId }),
    ...(machine.sourceSnapshotId === null ? {} : { source_snapshot_id: machine.sourceSnapshotId }),
    ...(machine.errorReason === null ? {} : { error_reason: machine.errorReason }),
  }
}

/** Reads a comma-separated field mask; null = everything. */
export function fieldMask(fields: string | undefined, known: readonly string[] = MACHINE_FIELDS): ReadonlySet<string> | null {
  if (fields === undefined) return null
  const wanted = fields.split(',').map((name) => name.trim())
  const unknown = wanted.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new AppError('invalid_fields', {
      say: `fields: unknown ${unknown.map((name) => JSON.stringify(name.slice(0, 60))).join(', ')}; known are ${known.join(', ')}.`,
      details: { unknown, known },
    })
  }
  return new Set(wanted)
}

export function masked<T extends object>(value: T, mask: ReadonlySet<string> | null): Partial<T> {
  return mask === null ? value : (Object.fromEntries(Object.entries(value).filter(([key]) => mask.has(key))) as Partial<T>)
}

const iso = (ms: number): string => new Date(ms).toISOString()
