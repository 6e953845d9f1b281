import { HostStatus as WireHostStatus, getHostStatus, healthCheck } from '@nullspace/contract/host.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

export type HostStatus = Camel<WireHostStatus>

export const Host = {
  /** What the host runs, which shapes are ready, what needs mending. */
  async status(options: Connection = {}): Promise<HostStatus> {
    return fromWire(WireHostStatus, await Client.of(options).call(getHostStatus, {}, options))
  },

  /** Resolves when the daemon answers; needs no key. @throws TransportError */
  async health(options: Connection = {}): Promise<void> {
    await Client.of(options).call(healthCheck, {}, options)
  },
}
