// What the monitor knows of all machines, and how that looks.

import type { MonitorUpdate, MonitoredMachine, MonitoredMetrics } from '@nullspace/sdk'
import { duration, memory, size, table } from '../core/table.ts'

interface Line {
  readonly machine: MonitoredMachine
  readonly metrics: MonitoredMetrics | undefined
}

export class Board {
  readonly #lines = new Map<string, Line>()

  snapshot(machines: readonly MonitoredMachine[]): void {
    const known = new Map(this.#lines)
    this.#lines.clear()
    for (const machine of machines) this.#lines.set(machine.id ?? '', { machine, metrics: known.get(machine.id ?? '')?.metrics })
  }

  update({ machineId, removed, machine }: MonitorUpdate): void {
    if (removed || machine === undefined) this.#lines.delete(machineId)
    // What a machine used before it was paused is not what it uses.
    else this.#lines.set(machineId, { machine, metrics: machine.status === 'running' ? this.#lines.get(machineId)?.metrics : undefined })
  }

  metrics(machineId: string, metrics: MonitoredMetrics): void {
    const line = this.#lines.get(machineId)
    if (line) this.#lines.set(machineId, { ...line, metrics })
  }

  /** Oldest machine first. */
  text(now: number): string {
    if (this.#lines.size === 0) return 'no machines\n'
    const lines = [...this.#lines.values()].toSorted((a, b) => (a.machine.createdAt ?? '').localeCompare(b.machine.createdAt ?? ''))
    return table(
      ['id', 'status', 'template', 'vcpus', 'memory', 'cpu', 'used', 'disk', 'time left'],
      lines.map((line) => cells(line, now)),
    )
  }
}

function cells({ machine, metrics }: Line, now: number): string[] {
  const { id, status, template, config, timeoutAt } = machine
  return [
    id ?? '-',
    status ?? '-',
    template ?? '-',
    config ? String(config.vcpus) : '-',
    config ? memory(config.memoryMb) : '-',
    metrics?.cpuPercent === undefined ? '-' : `${metrics.cpuPercent.toFixed(1)}%`,
    metrics?.memUsedBytes === undefined ? '-' : size(metrics.memUsedBytes),
    metrics?.diskUsedBytes === undefined ? '-' : size(metrics.diskUsedBytes),
    timeoutAt === undefined ? '-' : duration(Date.parse(timeoutAt) - now),
  ]
}
