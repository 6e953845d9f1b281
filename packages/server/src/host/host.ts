// One host's data plane, as everything above sees it. Nothing above knows a path, a pid, a namespace or a driver.

import type { Held } from '@nullspace/vmm/driver.ts'
import type { Shape, Source } from '../domain/machine.ts'
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

/** `new`: the guest becomes a machine of its own. `same`: it goes on after a pause, and only time has passed. */
export type Identity =
  | {
      readonly kind: 'new'
      readonly hostname: string
      /** 16 bytes. */
      readonly machineId: Uint8Array
      /** Ends the connections that came along in its memory. */
      readonly disconnect: boolean
    }
  | { readonly kind: 'same' }

/** What a VM is started from, and how large it is. */
export type Start = Source & { readonly shape: Shape }

export interface HostUsage {
  readonly cpuSeconds: number
  /** Proportional set size of the hypervisor process. */
  readonly memoryBytes: number
  /** Blocks of the machine's own disk layer. */
  readonly diskBytes: number
}

/** Something on the host that nothing refers to. */
export interface Leftover {
  readonly kind: 'vm' | 'machine' | 'snapshot' | 'template' | 'slot' | 'build' | 'upload'
  readonly name: string
  readonly bytes: number
  readonly reason: string
}

/** What the store knows of; everything else is left over. */
export interface Known {
  /** Machine -> handle of its VM, as far as there is one. */
  readonly machines: ReadonlyMap<string, string | null>
  readonly snapshots: ReadonlySet<string>
  /** Those whose parts are still needed. */
  readonly uploads: ReadonlySet<string>
}

/** A part of an upload as it must be. */
export interface PartWanted {
  readonly number: number
  readonly bytes: number
  /** Hex in lower case; null: it is not told. */
  readonly sha256: string | null
}
export type PartKept = { readonly kept: true; readonly file: string } | { readonly kept: false; readonly why: 'size' | 'checksum' }

/** Parts of uploads, on the disk of the host until they are put together. */
export interface Staging {
  /** Answers when the part is durable in a new file, or with why it is not kept. */
  keep(op: Op, uploadId: string, part: PartWanted, body: AsyncIterable<Uint8Array>): Promise<PartKept>
  /** SHA-256 of these files together, hex. */
  sum(op: Op, uploadId: string, files: readonly string[]): Promise<string>
  /** One after the other, as one. */
  read(uploadId: string, files: readonly string[]): AsyncIterable<Uint8Array>
  /** Removes that file, or all of the upload; harmless when there is none. */
  drop(uploadId: string, file?: string): Promise<void>
}

export interface Host {
  facts(): HostFacts
  templates(): readonly TemplateFacts[]
  shapeStatus(shape: Shape): ShapeStatus
  /** Builds the shape's golden snapshot unless it is there; concurrent callers share one build. */
  ensureShape(op: Op, shape: Shape): Promise<void>

  /** Before anything is undone or finished at a start: the names that machines have below are in their handles. */
  learn(machines: readonly { readonly id: string; readonly handle: string }[]): void

  // The steps of a machine's life. Each is harmless twice for the same machine.
  /** `start` is what will be started on it: a spare machine of a template's shape may be waiting with its slot. */
  reserveSlot(op: Op, machineId: string, policy: EgressPolicy, start: Start): Promise<number>
  releaseSlot(op: Op, machineId: string, slot: number | null): Promise<void>
  cloneDisk(op: Op, machineId: string, start: Start): Promise<void>
  removeDisk(op: Op, machineId: string): Promise<void>
  /** Restores a VM on the machine's disk and slot; returns the handle as JSON. */
  startVm(op: Op, machineId: string, start: Start): Promise<string>
  /** Ends the VM of this machine in whatever half-made form it is. */
  stopVm(op: Op, machineId: string): Promise<void>
  /** Gives the restored guest its identity and its disk size, confirmed by the guest. */
  greet(op: Op, machineId: string, identity: Identity, diskMb: number): Promise<void>

  // Saving a machine, in three steps; the snapshot is whole only after the last.
  /** Everything that can be done while it runs. */
  prepareCapture(op: Op, machineId: string, snapshotId: string): Promise<void>
  /** Saves memory, device state and disk of one instant. `stay`: the machine stands still after it, until letGo or stopVm. */
  capture(op: Op, machineId: string, snapshotId: string, afterwards: 'run' | 'stay'): Promise<void>
  /** Puts the snapshot under its name; returns the bytes that it keeps for itself. `durable`: also through a loss of power. */
  sealSnapshot(op: Op, snapshotId: string, facts: { shape: Shape; diskMb: number; durable: boolean }): Promise<number>
  /** The machine goes on from wherever a capture left it. Harmless on one that runs, or is gone. */
  letGo(op: Op, machineId: string): Promise<void>
  /** A second snapshot with the same contents, to be sealed. */
  copySnapshot(op: Op, from: string, to: string): Promise<void>
  /** Removes a snapshot in whatever form it is. Machines that were made from it go on. */
  dropSnapshot(op: Op, snapshotId: string): Promise<void>
  usage(machineId: string): Promise<HostUsage | null>

  readonly staging: Staging
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
  /** What of machines, snapshots and templates nothing refers to; changes nothing. */
  leftovers(known: () => Promise<Known>): Promise<readonly Leftover[]>
  /** Removes all of that, and slots; says what it removed. One that will not go does not keep the others. */
  sweep(op: Op, known: () => Promise<Known>): Promise<readonly Leftover[]>
  room(): Promise<HostRoom>
  /** Background upkeep: spare slots and spare machines. Called when nothing else is being started. */
  refill(op: Op): Promise<void>
  /** Spare machines that wait now, by shape. */
  spares(): readonly { readonly shape: Shape; readonly count: number; readonly wanted: number }[]
  /** Lets go of everything; machines run on. */
  close(op: Op): Promise<void>
}
