// One sample of what a machine uses, from what guest and host said, and how it is kept and shown.

import type { HostSample, MachineMetrics } from '@nullspace/contract/metrics.ts'
import type { Machine } from '../domain/machine.ts'
import type { GuestStat } from '../host/guest/guest.ts'
import type { HostUsage } from '../host/host.ts'

const MIB = 1024 * 1024

export interface Sample {
  /** ms since the epoch. */
  readonly at: number
  readonly guest: Omit<MachineMetrics, 'timestamp'>
  /** Null while the host has no figures. */
  readonly host: Omit<HostSample, 'timestamp'> | null
}

/** What is to be known of a machine that is measured. */
export type Measured = Pick<Machine, 'id' | 'ownerId' | 'shape' | 'diskMb'>

export interface HostLook {
  /** ms of a clock that only goes forward. */
  readonly atMs: number
  readonly figures: HostUsage
}

export function hostView(before: HostLook | null, now: HostLook): Omit<HostSample, 'timestamp'> {
  const { cpuSeconds, memoryBytes, diskBytes } = now.figures
  const elapsedMs = before ? now.atMs - before.atMs : 0
  // Less than before: another process, which has used this much since.
  const spent = before && before.figures.cpuSeconds <= cpuSeconds ? cpuSeconds - before.figures.cpuSeconds : cpuSeconds
  return {
    cpu_percent: elapsedMs > 0 ? percent(spent * 1000, elapsedMs) : 0,
    memory_bytes: whole(memoryBytes),
    disk_bytes: whole(diskBytes),
  }
}

export function guestView(machine: Measured, before: GuestStat | null, now: GuestStat, host: Sample['host']): Sample['guest'] {
  const total = before ? now.cpuTotalTicks - before.cpuTotalTicks : 0
  const idle = before ? now.cpuIdleTicks - before.cpuIdleTicks : 0
  return {
    cpu_percent: total > 0 && idle >= 0 ? Math.min(100, percent(Math.max(0, total - idle), total)) : seenFromOutside(machine, host),
    cpu_count: now.cpuCount || machine.shape.vcpus,
    mem_used_bytes: Math.max(0, now.memTotalBytes - now.memAvailableBytes),
    mem_total_bytes: now.memTotalBytes,
    disk_used_bytes: now.diskUsedBytes,
    disk_total_bytes: now.diskTotalBytes,
    network_rx_bytes: now.netRxBytes,
    network_tx_bytes: now.netTxBytes,
  }
}

/** Of a guest that does not say: what was known last, or what can be seen from outside. */
export function silentView(machine: Measured, last: Sample | null, host: Sample['host']): Sample['guest'] {
  const cpu_percent = seenFromOutside(machine, host)
  if (last) return { ...last.guest, cpu_percent }
  return {
    cpu_percent,
    cpu_count: machine.shape.vcpus,
    mem_used_bytes: Math.min(host?.memory_bytes ?? 0, machine.shape.memoryMb * MIB),
    mem_total_bytes: machine.shape.memoryMb * MIB,
    disk_used_bytes: Math.min(host?.disk_bytes ?? 0, machine.diskMb * MIB),
    disk_total_bytes: machine.diskMb * MIB,
    network_rx_bytes: 0,
    network_tx_bytes: 0,
  }
}

export function metricsView({ at, guest }: Sample): MachineMetrics {
  return { timestamp: new Date(at).toISOString(), ...guest }
}

export function hostMetricsView(samples: readonly Sample[]): HostSample[] {
  return samples.flatMap(({ at, host }) => (host ? [{ timestamp: new Date(at).toISOString(), ...host }] : []))
}

/** Numbers in the row of a sample. */
export const ROW = 12

export function toRow({ at, guest, host }: Sample): number[] {
  return [
    at,
    guest.cpu_percent,
    guest.cpu_count,
    guest.mem_used_bytes,
    guest.mem_total_bytes,
    guest.disk_used_bytes,
    guest.disk_total_bytes,
    guest.network_rx_bytes,
    guest.network_tx_bytes,
    host?.cpu_percent ?? Number.NaN,
    host?.memory_bytes ?? Number.NaN,
    host?.disk_bytes ?? Number.NaN,
  ]
}

export function fromRow(row: readonly number[]): Sample {
  const value = (index: number): number => row[index] ?? 0
  return {
    at: value(0),
    guest: {
      cpu_percent: value(1),
      cpu_count: value(2),
      mem_used_bytes: value(3),
      mem_total_bytes: value(4),
      disk_used_bytes: value(5),
      disk_total_bytes: value(6),
      network_rx_bytes: value(7),
      network_tx_bytes: value(8),
    },
    host: Number.isNaN(value(9)) ? null : { cpu_percent: value(9), memory_bytes: value(10), disk_bytes: value(11) },
  }
}

/** The hypervisor’s time over the machine’s processors. */
const seenFromOutside = ({ shape }: Measured, host: Sample['host']): number => Math.min(100, round((host?.cpu_percent ?? 0) / shape.vcpus))
const percent = (part: number, whole: number): number => round((100 * part) / whole)
const round = (value: number): number => Math.round(value * 100) / 100
const whole = (value: number): number => Math.max(0, Math.round(value))
