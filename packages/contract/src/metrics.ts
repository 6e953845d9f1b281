// What machines use: samples over time, from inside the guest and from the host.

import { z } from 'zod'
import { MachineParams } from './machines.ts'
import { route } from './route.ts'

/** Closed object, all required. From inside the guest; while that is silent, the last known figures. */
export const MachineMetrics = z.object({
  timestamp: z.iso.datetime(),
  /** 100 = all virtual processors busy. */
  cpu_percent: z.number().min(0),
  cpu_count: z.number().int(),
  mem_used_bytes: z.number().int(),
  mem_total_bytes: z.number().int(),
  disk_used_bytes: z.number().int(),
  disk_total_bytes: z.number().int(),
  network_rx_bytes: z.number().int(),
  network_tx_bytes: z.number().int(),
})
export type MachineMetrics = z.output<typeof MachineMetrics>

export const getMetrics = route({
  id: 'getMetrics',
  method: 'GET',
  path: '/v1/machines/{id}/metrics',
  summary: 'Samples of what a machine used, oldest first; kept for an hour. Never wakes it.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.array(MachineMetrics) },
  errors: ['unauthorized', 'machine_not_found'],
})

/** Ours: the same machine as its host sees it. */
export const HostSample = z.object({
  timestamp: z.iso.datetime(),
  /** Of the hypervisor process; 100 = one processor of the host. */
  cpu_percent: z.number().min(0),
  /** Proportional set size of the hypervisor process: what ending it would free, at least. */
  memory_bytes: z.number().int(),
  /** Blocks of the pool that the machine's own disk layer holds. */
  disk_bytes: z.number().int(),
})
export type HostSample = z.output<typeof HostSample>

export const getHostMetrics = route({
  id: 'getHostMetrics',
  method: 'GET',
  path: '/v1/machines/{id}/host-metrics',
  summary: 'The same as the host sees it: processor time, memory and disk of the VM.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.array(HostSample) },
  errors: ['unauthorized', 'machine_not_found'],
  ours: true,
})

/** Frames of a client on /v1/monitor/ws. */
export const MonitorFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('monitor_subscribe'),
    id: z.string().min(1).max(200),
    /** Clamped to 500..10000. */
    interval_ms: z.number().nullish(),
    include_processes: z.boolean().nullish(),
  }),
  z.object({ type: z.literal('monitor_unsubscribe'), id: z.string().min(1).max(200) }),
])
export type MonitorFrame = z.output<typeof MonitorFrame>
