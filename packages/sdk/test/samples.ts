// Bodies that the fake daemon answers with.

import type { ExecResult } from '@nullspace/contract/commands.ts'
import type { LifecycleEvent, LifecycleEventList } from '@nullspace/contract/events.ts'
import type { HostStatus } from '@nullspace/contract/host.ts'
import type { KeyInfo } from '@nullspace/contract/keys.ts'
import type { MachineInfo } from '@nullspace/contract/machines.ts'
import type { MachineMetrics } from '@nullspace/contract/metrics.ts'
import type { QuotaState } from '@nullspace/contract/quotas.ts'
import type { SnapshotInfo } from '@nullspace/contract/snapshots.ts'
import type { TemplateInfo } from '@nullspace/contract/templates.ts'
import type { DeliveryInfo, WebhookInfo } from '@nullspace/contract/webhooks.ts'

export const machineId = (letter: string): string => `mch_${letter.repeat(20)}`

export function machine(over: Partial<MachineInfo> = {}): MachineInfo {
  return {
    id: machineId('a'),
    status: 'running',
    config: { vcpus: 2, memory_mb: 512, disk_mb: 4096 },
    template: 'base',
    created_at: '2026-11-01T10:00:00.000Z',
    metadata: { run_id: 'r1' },
    started_at: '2026-11-01T10:00:00.200Z',
    timeout_ms: 300_000,
    timeout_at: '2026-11-01T10:05:00.000Z',
    expires_at: '2026-11-01T10:05:00.000Z',
    remaining_ms: 299_000,
    timeout_action: 'destroy',
    ephemeral: false,
    cwd: '/workspace',
    auto_resume: false,
    ...over,
  }
}

export const execResult = (over: Partial<ExecResult> = {}): ExecResult => ({ exit_code: 0, stdout: '', stderr: '', pid: 41, ...over })

export function template(over: Partial<TemplateInfo> = {}): TemplateInfo {
  return {
    id: 'tmpl_base',
    name: 'base',
    description: 'Debian with Python',
    builtin: true,
    canonical_ref: 'nullspace/base:latest',
    namespace_slug: 'nullspace',
    visibility: 'public',
    tags: ['latest'],
    default_tag: 'latest',
    shapes: [{ vcpus: 2, memory_mb: 512 }],
    ...over,
  }
}

export function keyInfo(over: Partial<KeyInfo> = {}): KeyInfo {
  return {
    id: '7d9f3c52-6a0e-4a57-9a55-0f8f3f5d1c11',
    prefix: 'ns_live_abcd',
    is_active: true,
    name: 'ci',
    created_at: '2026-11-01T10:00:00.000Z',
    last_used_at: null,
    scope: 'user',
    revoked_at: null,
    owner: 'default',
    ...over,
  }
}

export function hostStatus(over: Partial<HostStatus> = {}): HostStatus {
  return {
    version: '0.1.0',
    driver: 'fake',
    accelerator: 'none',
    pid: 4711,
    started_at: '2026-11-01T10:00:00.000Z',
    shapes: [{ template: 'base', vcpus: 2, memory_mb: 512, state: 'ready' }],
    machines: { running: 1, creating: 0, paused: 0, error: 0 },
    checks: [{ name: 'kvm', level: 'info', found: 'no /dev/kvm; machines run emulated' }],
    ...over,
  }
}

export const snapshotId = (letter: string): string => `snap_${letter.repeat(20)}`
export const uuid = (letter: string): string => `${letter.repeat(8)}-aaaa-4aaa-8aaa-aaaaaaaaaaaa`

export function snapshot(over: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return { id: snapshotId('a'), machine_id: machineId('a'), size_bytes: 12_582_912, created_at: '2026-11-01T10:01:00.000Z', ...over }
}

export function lifecycleEvent(over: Partial<LifecycleEvent> = {}): LifecycleEvent {
  return {
    id: uuid('1'),
    occurred_at: '2026-11-01T10:00:00.000Z',
    audience: 'customer',
    operation: 'create',
    status: 'succeeded',
    actor_kind: 'user',
    metadata: {},
    machine_id: machineId('a'),
    ...over,
  }
}

export const eventPage = (events: LifecycleEvent[], has_more = false): LifecycleEventList => ({ events, offset: 0, limit: 50, has_more })

export function webhook(over: Partial<WebhookInfo> = {}): WebhookInfo {
  return {
    id: uuid('2'),
    url: 'https://hooks.example.com/machines',
    operations: ['create', 'destroy'],
    enabled: true,
    has_signing_secret: true,
    created_at: '2026-11-01T10:00:00.000Z',
    updated_at: '2026-11-01T10:00:00.000Z',
    ...over,
  }
}

export function delivery(over: Partial<DeliveryInfo> = {}): DeliveryInfo {
  return {
    id: uuid('3'),
    webhook_id: uuid('2'),
    event_id: uuid('1'),
    operation: 'create',
    status: 'succeeded',
    delivery_status: 'succeeded',
    attempt_count: 1,
    created_at: '2026-11-01T10:00:01.000Z',
    last_response_status: 200,
    ...over,
  }
}

export function metrics(over: Partial<MachineMetrics> = {}): MachineMetrics {
  return {
    timestamp: '2026-11-01T10:00:05.000Z',
    cpu_percent: 12.5,
    cpu_count: 2,
    mem_used_bytes: 100 * 2 ** 20,
    mem_total_bytes: 512 * 2 ** 20,
    disk_used_bytes: 2 ** 30,
    disk_total_bytes: 4 * 2 ** 30,
    network_rx_bytes: 1500,
    network_tx_bytes: 300,
    ...over,
  }
}

export function quota(over: Partial<QuotaState> = {}): QuotaState {
  return {
    owner: 'default',
    limits: { machines: 10, vcpus: 16, memory_mb: 8192, snapshots: 20, disk_mb: null },
    used: { machines: 1, vcpus: 2, memory_mb: 512, snapshots: 3, disk_mb: 42 },
    ...over,
  }
}
