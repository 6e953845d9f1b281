// What a caller says about a machine to be, and the request body made of it.

import type { createMachine } from '@nullspace/contract/machines.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import type { Connection } from './client.ts'

export type CreateMachineBody = RouteInput<typeof createMachine>

export interface CreateMachineOptions extends Connection {
  /** Default `base`. */
  readonly template?: CreateMachineBody['template']
  /** Default 2. */
  readonly vcpus?: CreateMachineBody['vcpus']
  /** MiB; default 512, 2048 for `code-interpreter` and `desktop`. */
  readonly memoryMb?: CreateMachineBody['memory_mb']
  /** MiB, at least; default: the template's own size. */
  readonly diskMb?: CreateMachineBody['disk_mb']
  /** Seconds until the machine's time is up; default 300. */
  readonly timeout?: number | undefined
  /** What happens then; default `destroy`. */
  readonly onTimeout?: 'destroy' | 'pause' | undefined
  /** The same in the words of the API. */
  readonly timeoutAction?: CreateMachineBody['timeout_action']
  /** ms without any use after which the same happens earlier; default: never. What the guest does by itself is no use. */
  readonly inactivityTimeoutMs?: CreateMachineBody['inactivity_timeout_ms']
  /** ms after which it is destroyed when it is paused; default: never. */
  readonly autoDeleteAfterMs?: CreateMachineBody['auto_delete_after_ms']
  /** Work on it resumes it when it is paused; needs `onTimeout: 'pause'`. Default false. */
  readonly autoResume?: boolean | undefined
  /** Destroyed at its timeout, never paused by it. Default false. */
  readonly ephemeral?: boolean | undefined
  /** Begin with the memory and disk of this snapshot; template, size, environment and network are then the snapshot's. */
  readonly snapshotId?: CreateMachineBody['snapshot_id']
  /** Working directory of commands; default: the template's, `/workspace` as a rule. */
  readonly cwd?: CreateMachineBody['cwd']
  /** Environment of every command. */
  readonly envs?: CreateMachineBody['envs']
  /** Yours; `Machine.list({ metadata })` finds machines by it. */
  readonly metadata?: CreateMachineBody['metadata']
  /** False: no network at all. Default true. */
  readonly internetAccess?: CreateMachineBody['internet_access']
}

/** What these clients ask for when the caller does not say; the bare API has smaller defaults. */
export const CREATE_DEFAULTS = { template: 'base', vcpus: 2, memoryMb: 512, timeout: 300 } as const

const ROOMY = new Set(['code-interpreter', 'desktop'])

export function defaultMemoryMb(template: string): number {
  return ROOMY.has(template) ? 2048 : CREATE_DEFAULTS.memoryMb
}

export function createBody(options: CreateMachineOptions): CreateMachineBody {
  return {
    ...(options.snapshotId == null ? sizeOf(options) : fromSnapshot(options.snapshotId, options)),
    timeout_ms: Math.round((options.timeout ?? CREATE_DEFAULTS.timeout) * 1000),
    ...(options.onTimeout === undefined ? {} : { lifecycle: { on_timeout: options.onTimeout } }),
    ...(options.timeoutAction == null ? {} : { timeout_action: options.timeoutAction }),
    ...(options.inactivityTimeoutMs == null ? {} : { inactivity_timeout_ms: options.inactivityTimeoutMs }),
    ...(options.autoDeleteAfterMs == null ? {} : { auto_delete_after_ms: options.autoDeleteAfterMs }),
    ...(options.autoResume === undefined ? {} : { auto_resume: options.autoResume }),
    ...(options.ephemeral === undefined ? {} : { ephemeral: options.ephemeral }),
    ...(options.diskMb == null ? {} : { disk_mb: options.diskMb }),
    ...(options.cwd == null ? {} : { cwd: options.cwd }),
    ...(options.envs == null ? {} : { envs: options.envs }),
    ...(options.metadata == null ? {} : { metadata: options.metadata }),
  }
}

function sizeOf(options: CreateMachineOptions): CreateMachineBody {
  const template = options.template ?? CREATE_DEFAULTS.template
  return {
    template,
    vcpus: options.vcpus ?? CREATE_DEFAULTS.vcpus,
    memory_mb: options.memoryMb ?? defaultMemoryMb(template),
    internet_access: options.internetAccess ?? true,
  }
}

/** No defaults: the daemon refuses a size that was asked for beside a snapshot, so only what was asked for is sent. */
function fromSnapshot(snapshotId: string, { template, vcpus, memoryMb, internetAccess }: CreateMachineOptions): CreateMachineBody {
  return {
    snapshot_id: snapshotId,
    ...(template === undefined ? {} : { template }),
    ...(vcpus === undefined ? {} : { vcpus }),
    ...(memoryMb === undefined ? {} : { memory_mb: memoryMb }),
    ...(internetAccess === undefined ? {} : { internet_access: internetAccess }),
  }
}
