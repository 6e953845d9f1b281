// A machine: a VM of its own. Create one, or connect to one by id.

import { MachineInfo as WireMachineInfo, createMachine, destroyMachine } from '@nullspace/contract/machines.ts'
import { Client, type CallOptions, type Connection } from './client.ts'
import { Commands } from './commands.ts'
import { MachineError } from './errors.ts'
import {
  MachineList,
  readInfo,
  type GetInfoOptions,
  type ListMachinesOptions,
  type MachineInfo,
  type MachineInfoField,
} from './machine-info.ts'
import { createBody, type CreateMachineOptions } from './machine-options.ts'
import { fromWire } from './naming.ts'

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
  readonly #client: Client

  private constructor(client: Client, info: MachineInfo) {
    this.#client = client
    this.id = info.id
    this.info = info
    this.commands = new Commands(client, info.id)
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

  /** A handle on an existing machine. @throws NotFoundError when there is none of this id. */
  static async connect(id: string, options: Connection = {}): Promise<Machine> {
    const client = Client.of(options)
    return new Machine(client, await readInfo(id, { ...options, client }))
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
