// A machine as the daemon thinks of it, and what follows from its fields alone.

import type { MachineId, OwnerId } from '@nullspace/contract/ids.ts'
import type { MachineState } from '@nullspace/contract/states.ts'

/** What decides which snapshot a machine starts from. */
export interface Shape {
  readonly template: string
  readonly vcpus: number
  readonly memoryMb: number
}

export interface Machine {
  readonly id: MachineId
  readonly ownerId: OwnerId
  readonly state: MachineState
  readonly shape: Shape
  readonly diskMb: number
  readonly cwd: string
  readonly envs: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly internetAccess: boolean
  readonly timeoutMs: number
  readonly timeoutAction: 'destroy' | 'hibernate'
  /** Deadline, ms since the epoch; null until it runs. */
  readonly timeoutAt: number | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly lastActiveAt: number | null
  readonly errorReason: string | null
  readonly slot: number | null
  /** The driver's handle as JSON; null while there is no VM. */
  readonly vmHandle: string | null
}

export function isExpired(machine: Machine, now: number): boolean {
  return machine.timeoutAt !== null && machine.timeoutAt <= now && machine.state !== 'destroyed' && machine.state !== 'creating'
}

export function remainingMs(machine: Machine, now: number): number | undefined {
  return machine.timeoutAt === null ? undefined : Math.max(0, machine.timeoutAt - now)
}
