// Bodies that the fake daemon answers with.

import type { ExecResult } from '@nullspace/contract/commands.ts'
import type { HostStatus } from '@nullspace/contract/host.ts'
import type { KeyInfo } from '@nullspace/contract/keys.ts'
import type { MachineInfo } from '@nullspace/contract/machines.ts'
import type { TemplateInfo } from '@nullspace/contract/templates.ts'

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
