// A machine as a create request wants it, before anything of it exists.

import { AppError } from '@nullspace/contract/errors.ts'
import { machineIds, type MachineId } from '@nullspace/contract/ids.ts'
import { type CreateMachineBody, DEFAULTS } from '@nullspace/contract/machines.ts'
import type { z } from 'zod'
import type { Machine, Shape } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import type { App } from './context.ts'

export type CreateInput = z.output<typeof CreateMachineBody>

export function fromTemplate(app: App, principal: Principal, input: CreateInput, templateDiskMb: number): Machine {
  const shape: Shape = {
    template: input.template ?? DEFAULTS.template,
    vcpus: input.vcpus ?? DEFAULTS.vcpus,
    memoryMb: input.memory_mb ?? DEFAULTS.memoryMb,
  }
  return {
    ...unstarted(app, principal, input),
    shape,
    // A minimum: a machine is never smaller than its template.
    diskMb: Math.max(input.disk_mb ?? 0, templateDiskMb),
    cwd: input.cwd ?? DEFAULTS.cwd,
    envs: input.envs ?? {},
    metadata: input.metadata ?? {},
    internetAccess: input.internet_access ?? true,
    parentMachineId: null,
    sourceSnapshotId: null,
  }
}

/** What is in the snapshot's memory cannot be asked for otherwise. */
const FROM_SNAPSHOT = ['template', 'vcpus', 'memory_mb', 'disk_mb', 'cwd', 'envs', 'internet_access'] as const

export function fromSnapshot(app: App, principal: Principal, input: CreateInput, snapshot: Snapshot): Machine {
  const asked = FROM_SNAPSHOT.filter((field) => input[field] !== undefined && input[field] !== null)
  if (asked.length > 0) {
    throw new AppError('invalid_request', {
      say: `${asked.join(', ')}: not with snapshot_id; the snapshot has ${asked.length === 1 ? 'its' : 'their'} own.`,
      details: { field: asked[0], fields: asked },
    })
  }
  const named = Object.keys(input.metadata ?? {}).length > 0
  return {
    ...unstarted(app, principal, input),
    shape: snapshot.shape,
    diskMb: snapshot.diskMb,
    cwd: snapshot.cwd,
    envs: snapshot.envs,
    // The published client sends {} when its caller named none.
    metadata: named ? (input.metadata ?? {}) : snapshot.metadata,
    internetAccess: snapshot.internetAccess,
    parentMachineId: snapshot.machineId,
    sourceSnapshotId: snapshot.id,
  }
}

/** A child that goes on as its source does, with a time of its own. */
export function childOf(app: App, source: Machine): Machine {
  return {
    ...source,
    id: machineIds.mint(app.random) as MachineId,
    state: 'creating',
    createdAt: app.clock.now(),
    timeoutAt: null,
    startedAt: null,
    lastActiveAt: null,
    slot: null,
    vmHandle: null,
    parentMachineId: source.id,
    sourceSnapshotId: null,
  }
}

type Unstarted = Omit<Machine, 'shape' | 'diskMb' | 'cwd' | 'envs' | 'metadata' | 'internetAccess' | 'parentMachineId' | 'sourceSnapshotId'>

function unstarted(app: App, principal: Principal, input: CreateInput): Unstarted {
  return {
    id: machineIds.mint(app.random) as MachineId,
    ownerId: principal.ownerId,
    state: 'creating',
    timeoutMs: input.timeout_ms,
    timeoutAction: timeoutActionOf(input),
    timeoutAt: null,
    createdAt: app.clock.now(),
    startedAt: null,
    lastActiveAt: null,
    errorReason: null,
    slot: null,
    vmHandle: null,
    autoResume: input.auto_resume,
    ephemeral: input.ephemeral,
    inactivityTimeoutMs: input.inactivity_timeout_ms ?? null,
    autoDeleteAfterMs: input.auto_delete_after_ms ?? null,
    pausedAt: null,
    snapshotId: null,
  }
}

const IN_OTHER_WORDS = { destroy: 'destroy', pause: 'hibernate' } as const

/** Two names for one thing, and what it excludes. */
function timeoutActionOf(input: CreateInput): Machine['timeoutAction'] {
  const named = input.timeout_action ?? undefined
  const other = input.lifecycle ? IN_OTHER_WORDS[input.lifecycle.on_timeout] : undefined
  if (named && other && named !== other) {
    throw contradiction('timeout_action', `is ${named}, and lifecycle.on_timeout says ${other}; name one`)
  }
  const action = named ?? other ?? 'destroy'
  if (input.ephemeral && action === 'hibernate')
    throw contradiction('ephemeral', 'an ephemeral machine is destroyed at its timeout; it cannot be paused then')
  if (input.ephemeral && input.auto_resume) throw contradiction('auto_resume', 'an ephemeral machine is not kept to be resumed')
  if (input.auto_resume && action !== 'hibernate') {
    throw contradiction('auto_resume', 'needs timeout_action "hibernate" or lifecycle.on_timeout "pause"')
  }
  return action
}

function contradiction(field: string, what: string): AppError {
  return new AppError('invalid_request', { say: `${field}: ${what}.`, details: { field } })
}
