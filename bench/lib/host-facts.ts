// What a reader needs to know of the host to judge the figures. Nothing that names the host.

import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { program } from './program.ts'

export interface HostFacts {
  readonly cores: number
  readonly cpu: string
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
  readonly hypervisor: string
  readonly accelerator: string
  readonly podman: string
  readonly runtime: string
}

export async function hostFacts(known: Pick<HostFacts, 'accelerator' | 'podman' | 'runtime'>): Promise<HostFacts> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    hypervisor: (await program('qemu-system-x86_64', ['--version'])).stdout.split('\n', 1)[0] ?? '',
    ...known,
  }
}

/** Over the last minute. */
export const load = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100
