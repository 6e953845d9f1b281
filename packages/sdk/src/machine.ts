// A machine: a VM of its own. Create one, or connect to one by id.

import { MachineInfo as WireMachineInfo, createMachine, destroyMachine } from '@nullspace/contract/machines.ts'
import { Client, type CallOptions, type Connection } from './client.ts'
import { Commands } from './commands.ts'
import { MachineError } from './errors.ts'
import { Files } from './files.ts'
import { Git } from './git.ts'
import {
  MachineList,
  readInfo,
  type GetInfoOptions,
  type ListMachinesOptions,
  type MachineInfo,
  type MachineInfoField,
} from './machine-info.ts'
import { Lifecycle, type LifecycleEventPage, type ListThingEventsOptions } from './lifecycle.ts'
import {
  forkMany,
  forkOne,
  hibernate,
  readLineage,
  resume,
  setLease,
  takeSnapshot,
  wake,
  type Lineage,
  type SetTimeoutOptions,
  type TimeoutLease,
} from './machine-lifecycle.ts'
import { readHostMetrics, readMetrics, type HostMetrics, type MachineMetrics } from './machine-metrics.ts'
import { createBody, type CreateMachineOptions } from './machine-options.ts'
import { fromWire } from './naming.ts'
import { Pty } from './pty.ts'
import { runOnce, type RunOnceOptions, type RunOnceResult } from './run-once.ts'
import type { SnapshotInfo } from './snapshot.ts'

type ForOneCall = Omit<CallOptions, 'idempotencyKey'>

/**
 * ```ts
 * await using machine = await Machine.create({ template: 'base', timeout: 300 })
 * const result = await machine.commands.run('python3 --version', { shell: true })
 * ```
 */
export class Machine implements AsyncDisposable {
  readonly id: string
  /** As it was when this object was made. */
  readonly info: MachineInfo
  readonly commands: Commands
  readonly files: Files
  readonly git: Git
  readonly pty: Pty
  readonly #client: Client

  private constructor(client: Client, info: MachineInfo) {
    this.#client = client
    this.id = info.id
    this.info = info
    this.commands = new Commands(client, info.id)
    this.files = new Files(client, info.id)
    this.git = new Git(client, info.id)
    this.pty = new Pty(client, info.id)
  }

  /**
   * Creates a machine; resolves when commands work. A lost connection is repeated with the same idempotency key, so that at most
   * one machine comes of it; an aborted `signal` may leave one behind: repeat with your own `idempotencyKey`, or let its timeout end it.
   * @throws QuotaExceededError `capacity_exceeded`, NotFoundError `template_not_found`, NotImplementedError, MachineError `template_not_ready`, ...
   */
  static async create(options: CreateMachineOptions = {}): Promise<Machine> {
    const client = Client.of(options)
    const info = await client.call(createMachine, { body: createBody(options) }, options)
    return new Machine(client, fromWire(WireMachineInfo, info))
  }

  /** A handle on an existing machine; resumes a paused one. @throws NotFoundError when there is none of this id, and as `resume`. */
  static async connect(id: string, options: Connection = {}): Promise<Machine> {
    const client = Client.of(options)
    return new Machine(client, await wake(client, await readInfo(id, { ...options, client }), options))
  }

  /**
   * Resumes a paused machine under its own id: memory, processes and files go on.
   * @throws ConflictError `machine_not_ready` when it is not paused, `rebuild_required`, `incompatible_snapshot`; QuotaExceededError, NotFoundError
   */
  static async resume(id: string, options: Connection = {}): Promise<Machine> {
    const client = Client.of(options)
    return new Machine(client, await resume(client, id, options))
  }

  /**
   * Creates a machine, runs one command in it, destroys the machine. A non-zero exit is a result. With `retainOnFailure` a machine
   * whose command failed stays for `retentionSeconds`; its id is in the result (`retained`) or the error (`retainedMachineId`).
   * @throws as `create` and `commands.run`
   */
  static runOnce(command: string, options?: RunOnceOptions): Promise<RunOnceResult>
  static runOnce(command: string, args: readonly string[], options?: RunOnceOptions): Promise<RunOnceResult>
  static runOnce(command: string, second: readonly string[] | RunOnceOptions = {}, third: RunOnceOptions = {}): Promise<RunOnceResult> {
    return runOnce(command, isList(second) ? { ...third, args: second } : second, (options) => Machine.create(options))
  }

  /** All machines that match: `for await (const info of Machine.list({ state: 'running' }))`. Sends nothing until it is used. */
  static list(options: ListMachinesOptions = {}): MachineList {
    return new MachineList(options)
  }

  /** Reads a machine, or only some of its fields. Never wakes it. @throws NotFoundError when there is none of this id. */
  static getInfo<Field extends MachineInfoField = MachineInfoField>(
    id: string,
    options: GetInfoOptions<Field> = {},
  ): Promise<Pick<MachineInfo, Field>> {
    return readInfo(id, options)
  }

  /** Destroys a machine by id. @throws NotFoundError when there is none of this id. */
  static async kill(id: string, options: Connection = {}): Promise<void> {
    await Client.of(options).call(destroyMachine, { params: { id } }, options)
  }

  getInfo(options: ForOneCall = {}): Promise<MachineInfo> {
    return readInfo(this.id, { ...options, client: this.#client })
  }

  /**
   * Pauses the machine: memory and disk are saved, the VM ends, its processes go on after `resume`. Calls that wait for a command
   * reject, although the command itself goes on later. The snapshot is the machine's own and goes with its resume; for one that stays take `createSnapshot`.
   * @throws ConflictError `machine_not_ready`, QuotaExceededError `capacity_exceeded`, MachineError `transition_in_progress`
   */
  pause(options: ForOneCall = {}): Promise<SnapshotInfo> {
    return hibernate(this.#client, this.id, options)
  }

  /** The same as `pause`, in the word of the API. */
  hibernate(options: ForOneCall = {}): Promise<SnapshotInfo> {
    return this.pause(options)
  }

  /** Goes on after `pause`; this handle stays good. @throws as `Machine.resume` */
  resume(options: ForOneCall = {}): Promise<MachineInfo> {
    return resume(this.#client, this.id, options)
  }

  /** Takes a snapshot that any number of machines can be made of (`Machine.create({ snapshotId })`); this one goes on. @throws as `pause` */
  createSnapshot(options: CallOptions = {}): Promise<SnapshotInfo> {
    return takeSnapshot(this.#client, this.id, options)
  }

  /** A child that goes on from this machine's live memory and disk, on its own; this one goes on too. @throws as `pause` */
  async fork(options: CallOptions = {}): Promise<Machine> {
    return new Machine(this.#client, await forkOne(this.#client, this.id, options))
  }

  /** Several children of one instant, 1 to 64: all of them, or none. @throws as `pause` */
  async forkMany(count: number, options: CallOptions = {}): Promise<Machine[]> {
    const children = await forkMany(this.#client, this.id, count, options)
    return children.map((child) => new Machine(this.#client, child))
  }

  /** Begins the machine's time anew: it is up `seconds` from now. @throws ConflictError `machine_not_ready`, MachineError `invalid_request` */
  setTimeout(seconds: number, options: SetTimeoutOptions = {}): Promise<TimeoutLease> {
    return setLease(this.#client, this.id, seconds, options)
  }

  /** The machine's family: ancestors up to the root, also those that are gone, and all that descends from that. */
  lineage(options: ForOneCall = {}): Promise<Lineage> {
    return readLineage(this.#client, this.id, options)
  }

  /** What it used in the last hour, oldest first, as seen from inside. Never wakes it. */
  getMetrics(options: ForOneCall = {}): Promise<MachineMetrics[]> {
    return readMetrics(this.#client, this.id, options)
  }

  /** The same as its host sees it: processor time, memory and disk of the VM. */
  getHostMetrics(options: ForOneCall = {}): Promise<HostMetrics[]> {
    return readHostMetrics(this.#client, this.id, options)
  }

  /** Its lifecycle events, newest first; as itself, as a source or as a child. */
  listLifecycle(options: Omit<ListThingEventsOptions, 'client' | 'idempotencyKey'> = {}): Promise<LifecycleEventPage> {
    return Lifecycle.listMachineEvents(this.id, { ...options, client: this.#client })
  }

  /** Destroys the machine and everything in it. @throws NotFoundError when it is gone already. */
  kill(options: ForOneCall = {}): Promise<void> {
    return Machine.kill(this.id, { ...options, client: this.#client })
  }

  /** Destroys the machine. Errors of this library are ignored: whatever is left, its timeout ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill()
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
    }
  }
}

const isList = (value: readonly string[] | RunOnceOptions): value is readonly string[] => Array.isArray(value)
