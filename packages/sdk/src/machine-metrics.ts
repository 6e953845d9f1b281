// What machines used: samples over time.

import {
  HostSample as WireHostSample,
  MachineMetrics as WireMachineMetrics,
  getHostMetrics,
  getMetrics,
} from '@nullspace/contract/metrics.ts'
import type { CallOptions, Client } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

/** From inside the guest. `cpuPercent` 100 is all virtual processors busy. */
export type MachineMetrics = Camel<WireMachineMetrics>
/** From the host. `cpuPercent` 100 is one of its processors; `memoryBytes` is what ending the VM would free, at least. */
export type HostMetrics = Camel<WireHostSample>

export async function readMetrics(client: Client, id: string, options: CallOptions): Promise<MachineMetrics[]> {
  const samples = await client.call(getMetrics, { params: { id } }, options)
  return samples.map((sample) => fromWire(WireMachineMetrics, sample))
}

export async function readHostMetrics(client: Client, id: string, options: CallOptions): Promise<HostMetrics[]> {
  const samples = await client.call(getHostMetrics, { params: { id } }, options)
  return samples.map((sample) => fromWire(WireHostSample, sample))
}
