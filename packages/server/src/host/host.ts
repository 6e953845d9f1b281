// One host's data plane, as everything above sees it. Nothing above knows a path, a pid, a namespace or a driver.

import type { Held } from '@nullspace/vmm/driver.ts'
import type { Shape } from '../domain/machine.ts'
import type { HostRoom } from '../domain/admission.ts'
import type { Op } from '../observe/op.ts'
import type { Guest } from './guest/guest.ts'
import type { EgressPolicy } from './network/network.ts'

export interface HostFacts {
  readonly driver: string
  readonly driverVersion: string
  readonly accelerator: string
  readonly acceleratorReason: string
  readonly storage: { readonly kind: string; readonly reason: string }
  readonly network: string
}

export interface TemplateFacts {
  readonly name: string
  readonly description: string
  /** Size of the root disk a machine has when it asks for none, MiB. */
  readonly diskMb: number
  readonly readyShapes: readonly Shape[]
}

export interface ShapeStatus {
  readonly shape: Shape
  readonly state: 'ready' | 'building' | 'failed' | 'absent'
  readonly detail?: string
}

export interface Identity {
  readonly hostname: string
  /** 16 bytes. */
  readonly machineId: Uint8Array
}

export interface Host {
  facts(): HostFacts
  templates(): readonly TemplateFacts[]
  shapeStatus(shape: Shape): ShapeStatus
  /** Builds the shape's golden snapshot unless it is there; concurrent callers share one build. */
  ensureShape(op: Op, shape: Shape): Promise<void>

  // The steps of a machine's life. Each is harmless twice for the same machine.
  /** `shape` is what will be started on it: a spare machine of that shape may be waiting with its slot. */
  reserveSlot(op: Op, machineId: string, policy: EgressPolicy, shape: Shape): Promise<number>
  releaseSlot(op: Op, machineId: string, slot: number | null): Promise<void>
  cloneDisk(op: Op, machineId: string, shape: Shape): Promise<void>
  removeDisk(op: Op, machineId: string): Promise<void>
  /** Restores a VM from the shape's snapshot on the machine's disk and slot; returns the handle as JSON. */
  startVm(op: Op, machineId: string, shape: Shape): Promise<string>
  /** Ends the VM of this machine in whatever half-made form it is. */
  stopVm(op: Op, machineId: string): Promise<void>
  /** Gives the restored guest its own identity and its disk size, confirmed by the guest. */
  greet(op: Op, machineId: string, identity: Identity, diskMb: number): Promise<void>

  /** The agent of a running machine; null when there is none. */
  guest(machineId: string): Guest | null
  /** Takes over a machine that outlived the daemon; false when its VM is gone. */
  adopt(op: Op, machine: { id: string; slot: number | null; handle: string }): Promise<boolean>
  /** Not null: the host could not write what the guest wrote; its vCPUs stand still and nothing is lost. */
  held(machineId: string): Held | null
  /** Lets a held machine try the write again. */
  release(op: Op, machineId: string): Promise<void>
  /** Called once for each VM that ends without stopVm. */
  onVmExit(listener: (machineId: string, reason: string) => void): void
  /** Removes every VM, disk and slot of no machine in `keep` (id -> handle); says what it removed. */
  sweep(
    op: Op,
    keep: ReadonlyMap<string, string | null>,
  ): Promise<readonly { readonly kind: 'vm' | 'disk' | 'slot' | 'build'; readonly name: string }[]>
  room(): Promise<HostRoom>
  /** Background upkeep: spare slots and spare machines. Called when nothing else is being started. */
  refill(op: Op): Promise<void>
  /** Spare machines that wait now, by shape. */
  spares(): readonly { readonly shape: Shape; readonly count: number; readonly wanted: number }[]
  /** Lets go of everything; machines run on. */
  close(op: Op): Promise<void>
}
