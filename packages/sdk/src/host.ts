import { collectGarbage } from '@nullspace/contract/garbage.ts'
import { HostStatus as WireHostStatus, getHostStatus, healthCheck } from '@nullspace/contract/host.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

export type HostStatus = Camel<WireHostStatus>
/** What nothing refers to any more: each with its kind, name, bytes and why. */
export type Garbage = Camel<(typeof collectGarbage)['success']['body']['_zod']['output']>

export interface CollectGarbageOptions extends Connection {
  /** Only tell, remove nothing. Default false. */
  readonly dryRun?: boolean | undefined
}

export const Host = {
  /** What the host runs, which shapes are ready, what needs mending. */
  async status(options: Connection = {}): Promise<HostStatus> {
    return fromWire(WireHostStatus, await Client.of(options).call(getHostStatus, {}, options))
  },

  /** Resolves when the daemon answers; needs no key. @throws TransportError */
  async health(options: Connection = {}): Promise<void> {
    await Client.of(options).call(healthCheck, {}, options)
  },

  /** Removes files of the pool that belong to nothing. Needs an operator's key. @throws PermissionError */
  async collectGarbage(options: CollectGarbageOptions = {}): Promise<Garbage> {
    const body = { dry_run: options.dryRun ?? false }
    return fromWire(collectGarbage.success.body, await Client.of(options).call(collectGarbage, { body }, options))
  },
}
