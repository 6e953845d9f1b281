// State and use of all machines of a key's owner, live.

import { CHANNELS } from '@nullspace/contract/channels.ts'
import { MachineInfo as WireMachineInfo, listMachines } from '@nullspace/contract/machines.ts'
import { MachineMetrics as WireMachineMetrics, type MonitorFrame } from '@nullspace/contract/metrics.ts'
import type { Channel } from './channel.ts'
import { checked } from './checked.ts'
import { Client, type Connection } from './client.ts'
import { MachineError } from './errors.ts'
import { fromWire, type Camel } from './naming.ts'
import { connections } from './reconnect.ts'

const SomeInfo = WireMachineInfo.partial()
const SomeMetrics = WireMachineMetrics.partial()

/** As `MachineInfo` and `MachineMetrics`, but only `id` and `cpuPercent` are promised. */
export type MonitoredMachine = Camel<(typeof SomeInfo)['_zod']['output']>
export type MonitoredMetrics = Camel<(typeof SomeMetrics)['_zod']['output']>

/** `machine` is undefined when it is gone. */
export interface MonitorUpdate {
  readonly machineId: string
  readonly removed: boolean
  readonly machine: MonitoredMachine | undefined
}

export interface MonitorProcess {
  readonly pid: number
  readonly command: string
  readonly running: boolean
}

export interface MonitorOptions extends Omit<Connection, 'idempotencyKey'> {
  /** Between two figures of a machine; the daemon keeps it within 500 and 10,000. */
  readonly intervalMs?: number | undefined
  readonly includeProcesses?: boolean | undefined
  /** All machines there are: at the beginning, and anew after a lost connection. */
  readonly onSnapshot?: ((machines: readonly MonitoredMachine[]) => void) | undefined
  /** A machine that came, changed or went. */
  readonly onUpdate?: ((update: MonitorUpdate) => void) | undefined
  readonly onMetrics?: ((machineId: string, metrics: MonitoredMetrics) => void) | undefined
  readonly onProcesses?: ((machineId: string, processes: readonly MonitorProcess[]) => void) | undefined
  /** What the daemon says of the subscription, and what ended it; the latter also rejects `ended`. */
  readonly onError?: ((error: unknown) => void) | undefined
}

export interface MonitorSubscription {
  /** Nothing is called any more after it. */
  stop(): void
  /** Resolves after `stop()`; rejects with what ended it otherwise: a refusal, the `signal`'s reason, or what a callback threw. */
  readonly ended: Promise<void>
}

const ID = 'monitor_1'

export const Monitor = {
  /** Begins at once; a lost connection is opened again, with a new snapshot. */
  subscribe(options: MonitorOptions): MonitorSubscription {
    const stop = new AbortController()
    const ended = watch(options, stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return
      options.onError?.(error)
      throw error
    })
    // Whoever only listens to onError is not to be ended by it.
    ended.catch(() => {})
    return { stop: () => stop.abort(), ended }
  },
}

async function watch(options: MonitorOptions, stopped: AbortSignal): Promise<void> {
  const client = Client.of(options)
  const signal = options.signal ? AbortSignal.any([options.signal, stopped]) : stopped
  const attempts = connections({
    open: () => client.open(CHANNELS.monitorWebsocketUpgrade, {}, signal),
    ask: () => client.call(listMachines, { query: { limit: 1 } }, { signal }),
    wait: (ms, stop) => client.wait(ms, stop),
    signal,
  })
  for await (const { channel, accepted } of attempts) {
    subscribe(channel, options)
    for await (const frame of channel) {
      accepted()
      deliver(frame as Frame, options)
    }
  }
}

function subscribe(channel: Channel, { intervalMs, includeProcesses }: MonitorOptions): void {
  channel.send({
    type: 'monitor_subscribe',
    id: ID,
    ...(intervalMs === undefined ? {} : { interval_ms: intervalMs }),
    ...(includeProcesses === undefined ? {} : { include_processes: includeProcesses }),
  } satisfies MonitorFrame)
}

interface Frame {
  readonly type?: string
  readonly machine_id?: string
  readonly machines?: readonly unknown[]
  readonly machine?: unknown
  readonly removed?: boolean
  readonly metrics?: unknown
  readonly processes?: readonly MonitorProcess[]
  readonly message?: string
}

/** Kinds that this version does not know are passed over. */
function deliver({ type, machine_id: machineId = '', ...frame }: Frame, to: MonitorOptions): void {
  switch (type) {
    case 'monitor_snapshot':
      return to.onSnapshot?.((frame.machines ?? []).map(infoOf))
    case 'monitor_update':
      return to.onUpdate?.({
        machineId,
        removed: frame.removed === true,
        machine: frame.machine === undefined ? undefined : infoOf(frame.machine),
      })
    case 'monitor_metrics':
      return to.onMetrics?.(machineId, fromWire(SomeMetrics, checked(SomeMetrics, frame.metrics, 'monitorWebsocketUpgrade')))
    case 'monitor_processes':
      return to.onProcesses?.(machineId, frame.processes ?? [])
    case 'monitor_error':
      return to.onError?.(new MachineError(frame.message ?? 'the daemon gave no reason', { code: 'monitor_error' }))
  }
}

const infoOf = (machine: unknown): MonitoredMachine => fromWire(SomeInfo, checked(SomeInfo, machine, 'monitorWebsocketUpgrade'))
