// This machine as a Host: driver, storage pool, network slots and templates put together. Every step goes by the
// machine's id, so it is harmless twice and can be undone by a daemon that remembers nothing.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, rm } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Driver, DriverInfo, Held, Vm, VmHandle } from '@nullspace/vmm/driver.ts'
import type { HostRoom } from '../domain/admission.ts'
import type { Shape } from '../domain/machine.ts'
import type { Logger } from '../observe/logger.ts'
import type { Op } from '../observe/op.ts'
import { GuestClient } from './guest/client.ts'
import type { Guest } from './guest/guest.ts'
import { OutputBudget } from './guest/output-budget.ts'
import type { Host, HostFacts, Identity, ShapeStatus, TemplateFacts } from './host.ts'
import type { EgressPolicy, Network, Slot } from './network/network.ts'
import type { StoragePool } from './storage/storage.ts'
import type { TemplateLibrary } from './templates/library.ts'

export interface LocalHostDeps {
  readonly driver: Driver
  readonly info: DriverInfo
  readonly pool: StoragePool
  readonly network: Network
  readonly library: TemplateLibrary
  /** Short directory for sockets; gone after a reboot, as the VMs are. */
  readonly runRoot: string
  readonly gid: number
  /** Available memory, bytes; injected for tests. */
  readonly freeMemory?: () => number
  readonly totalMemory?: () => number
  readonly log: Logger
}

interface Running {
  readonly vm: Vm
  readonly guest: GuestClient
  /** Set before we end it ourselves, so that its exit is no surprise. */
  stopping: boolean
}

const MIB = 1024 * 1024
/** Output of running commands that the daemon holds at most, bytes. */
const MOST_OUTPUT_BYTES = 256 * MIB
/** Bodies of machines, spares and golden guests; a process can call itself anything. */
const OUR_NAME = /^(mch_[a-z2-7]+|spare-[0-9a-f-]+|golden-[0-9a-f-]+)$/

/** The same without spares: those are made from it, in spares.ts. */
export class LocalHost implements Omit<Host, 'spares'> {
  readonly #deps: LocalHostDeps
  readonly #slots = new Map<string, Slot>()
  readonly #running = new Map<string, Running>()
  readonly #output = new OutputBudget(MOST_OUTPUT_BYTES)
  #onExit: (machineId: string, reason: string) => void = () => {}

  constructor(deps: LocalHostDeps) {
    this.#deps = deps
  }

  facts(): HostFacts {
    const { info, pool, network } = this.#deps
    return {
      driver: info.name,
      driverVersion: info.version,
      accelerator: info.features.accelerator,
      acceleratorReason: info.acceleratorReason,
      storage: { kind: pool.kind, reason: pool.reason },
      network: network.kind,
    }
  }
  templates(): readonly TemplateFacts[] {
    return this.#deps.library.facts()
  }
  shapeStatus(shape: Shape): ShapeStatus {
    return this.#deps.library.status(shape)
  }
  async ensureShape(op: Op, shape: Shape): Promise<void> {
    await this.#deps.library.ensure(op, shape)
  }

  async reserveSlot(op: Op, machineId: string, policy: EgressPolicy): Promise<number> {
    const slot = this.#slots.get(machineId) ?? (await this.#deps.network.reserve(op, policy))
    this.#slots.set(machineId, slot)
    return slot.index
  }

  async releaseSlot(op: Op, machineId: string, index: number | null): Promise<void> {
    const slot = this.#slots.get(machineId)?.index ?? index
    // A slot that only a dead daemon knew of is not ours to name; sweep() finds it. One that another machine has by now
    // was released by an earlier try.
    if (slot === null || [...this.#slots].some(([id, other]) => id !== machineId && other.index === slot)) return
    await this.#deps.network.release(op, slot)
    this.#slots.delete(machineId)
  }

  async cloneDisk(op: Op, machineId: string, shape: Shape): Promise<void> {
    const files = await this.#deps.library.ensure(op, shape)
    const { uid } = this.#slot(machineId)
    await this.removeDisk(op, machineId)
    const dir = this.#diskDir(machineId)
    await mkdir(dir, { recursive: true, mode: 0o711 })
    const disk = this.#disk(machineId)
    await this.#deps.pool.clone(op, files.blank, disk)
    if (process.getuid?.() === 0) {
      // The file, not the directory: a hypervisor that a guest took over can put nothing beside it.
      await chown(disk, uid, this.#deps.gid)
    }
  }

  async removeDisk(_op: Op, machineId: string): Promise<void> {
    await rm(this.#diskDir(machineId), { recursive: true, force: true })
  }

  async startVm(op: Op, machineId: string, shape: Shape): Promise<string> {
    await this.stopVm(op, machineId)
    const files = await this.#deps.library.ensure(op, shape)
    const { uid, link } = this.#slot(machineId)
    const vm = await this.#deps.driver.restore(op, {
      id: machineId,
      dir: this.#vmDir(machineId),
      uid,
      gid: this.#deps.gid,
      vcpus: shape.vcpus,
      memoryMb: shape.memoryMb,
      disk: this.#disk(machineId),
      network: link,
      memoryFile: files.memory,
      stateFile: files.state,
    })
    this.#take(machineId, vm)
    return JSON.stringify(vm.handle)
  }

  async stopVm(op: Op, machineId: string): Promise<void> {
    const running = this.#running.get(machineId)
    if (running) {
      running.stopping = true
      running.guest.close()
      await running.vm.kill(op)
      this.#running.delete(machineId)
    }
    // The directory is made before anything else of a VM and removed after it. Without one there is nothing to look for,
    // and looking is a walk through every process of the host, at each start and each end of a machine.
    const dir = this.#vmDir(machineId)
    if (existsSync(dir)) await this.#deps.driver.sweep(op, { id: machineId, dir })
  }

  async greet(op: Op, machineId: string, identity: Identity, diskMb: number): Promise<void> {
    const running = this.#running.get(machineId)
    if (!running) throw new Error(`machine ${machineId} has no VM to greet`)
    const { vm, guest } = running
    const gone = vm.exited.then(({ reason }) => Promise.reject(new Error(`the VM ended before its guest answered: ${reason}`)))
    gone.catch(() => {})
    await Promise.race([guest.renew(op, { ...identity, seed: randomBytes(64) }), gone])
    if (diskMb > this.#deps.library.diskMb()) {
      await vm.resizeDisk(op, diskMb * MIB)
      await guest.growDisk(op)
    }
  }

  /** Tells apart what was made from which snapshot of the shape; null when there is none to trust now. */
  async snapshotMark(shape: Shape): Promise<number | null> {
    return (await this.#deps.library.intact(shape)) ? this.#deps.library.generation(shape) : null
  }

  /** Stops a greeted machine's vCPUs with nothing half-sent: it costs no CPU until unpark(). */
  async park(op: Op, machineId: string): Promise<void> {
    const running = this.#running.get(machineId)
    if (!running) throw new Error(`machine ${machineId} has no VM to park`)
    await running.guest.quiesce(op)
    running.guest.close()
    await running.vm.pause(op)
  }

  /** Lets it run on, and returns its handle as JSON. It is to be greeted again: its clock stood still. */
  async unpark(op: Op, machineId: string): Promise<string> {
    const running = this.#running.get(machineId)
    if (!running) throw new Error(`machine ${machineId} has no VM to unpark`)
    await running.vm.resume(op)
    return JSON.stringify(running.vm.handle)
  }

  held(machineId: string): Held | null {
    return this.#running.get(machineId)?.vm.held ?? null
  }
  async release(op: Op, machineId: string): Promise<void> {
    await this.#running.get(machineId)?.vm.resume(op)
  }

  guest(machineId: string): Guest | null {
    return this.#running.get(machineId)?.guest ?? null
  }

  async adopt(op: Op, machine: { id: string; slot: number | null; handle: string }): Promise<boolean> {
    // The slot first: while it is not known whether the VM still runs, its network must not be swept.
    const slot = machine.slot === null ? null : await this.#deps.network.adopt(op, machine.slot)
    if (slot) this.#slots.set(machine.id, slot)
    const vm = await this.#deps.driver.adopt(op, JSON.parse(machine.handle) as VmHandle)
    if (vm) this.#take(machine.id, vm)
    return vm !== null
  }

  onVmExit(listener: (machineId: string, reason: string) => void): void {
    this.#onExit = listener
  }

  async sweep(op: Op, keep: ReadonlyMap<string, string | null>): Promise<{ kind: 'vm' | 'disk' | 'slot' | 'build'; name: string }[]> {
    const swept: { kind: 'vm' | 'disk' | 'slot' | 'build'; name: string }[] = []
    const { driver, network, log } = this.#deps
    // One that will not go must not keep the others, or the daemon's start, waiting for it.
    const attempt = async (kind: 'vm' | 'disk' | 'build', name: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work()
        swept.push({ kind, name })
      } catch (error) {
        log.error({ err: error, kind, name }, 'a leftover could not be removed; the next start tries again')
      }
    }
    const known = new Set([...(await driver.list(this.#deps.runRoot)), ...(await namesIn(join(this.#deps.runRoot, 'vm')))])
    for (const id of known) {
      if (keep.has(id) || this.#running.has(id) || !OUR_NAME.test(id)) continue
      const golden = id.startsWith('golden')
      if (golden && this.#deps.library.busy()) continue
      const dir = golden ? join(this.#deps.runRoot, 'golden') : this.#vmDir(id)
      await attempt(golden ? 'build' : 'vm', id, () => driver.sweep(op, { id, dir }))
    }
    for (const id of await namesIn(join(this.#deps.pool.root, 'machines'))) {
      if (!keep.has(id)) await attempt('disk', id, () => this.removeDisk(op, id))
    }
    for (const index of await network.sweep(op)) swept.push({ kind: 'slot', name: String(index) })
    return swept
  }

  async room(): Promise<HostRoom> {
    const { freeBytes } = await this.#deps.pool.free()
    return {
      freeMemoryMb: (this.#deps.freeMemory ?? freemem)() / MIB,
      freeDiskMb: freeBytes / MIB,
      totalMemoryMb: (this.#deps.totalMemory ?? totalmem)() / MIB,
    }
  }

  async refill(op: Op): Promise<void> {
    await this.#deps.network.refill(op)
  }

  async close(_op: Op): Promise<void> {
    for (const { guest } of this.#running.values()) guest.close()
    this.#running.clear()
    await this.#deps.network.close()
    await this.#deps.driver.close()
  }

  #take(machineId: string, vm: Vm): void {
    const running: Running = { vm, guest: new GuestClient((op) => vm.connect(op), this.#output), stopping: false }
    this.#running.set(machineId, running)
    void vm.exited.then(({ reason }) => {
      if (running.stopping || this.#running.get(machineId) !== running) return
      this.#running.delete(machineId)
      running.guest.close()
      this.#onExit(machineId, reason)
    })
  }

  #slot(machineId: string): Slot {
    const slot = this.#slots.get(machineId)
    if (!slot) throw new Error(`machine ${machineId} has no slot`)
    return slot
  }
  #diskDir(machineId: string): string {
    return join(this.#deps.pool.root, 'machines', machineId)
  }
  #disk(machineId: string): string {
    return join(this.#diskDir(machineId), 'disk.qcow2')
  }
  #vmDir(machineId: string): string {
    return join(this.#deps.runRoot, 'vm', machineId)
  }
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? [] : Promise.reject(error)))
}
