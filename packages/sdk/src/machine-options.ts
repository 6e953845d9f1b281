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
  /** Seconds until the machine is destroyed; default 300. */
  readonly timeout?: number | undefined
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
  const template = options.template ?? CREATE_DEFAULTS.template
  return {
    template,
    vcpus: options.vcpus ?? CREATE_DEFAULTS.vcpus,
    memory_mb: options.memoryMb ?? defaultMemoryMb(template),
    timeout_ms: Math.round((options.timeout ?? CREATE_DEFAULTS.timeout) * 1000),
    internet_access: options.internetAccess ?? true,
    ...(options.diskMb == null ? {} : { disk_mb: options.diskMb }),
    ...(options.cwd == null ? {} : { cwd: options.cwd }),
    ...(options.envs == null ? {} : { envs: options.envs }),
    ...(options.metadata == null ? {} : { metadata: options.metadata }),
  }
}
