// The host about itself, for `nullspace daemon status` and `nullspace doctor`.

import type { CheckResult, HostStatus } from '@nullspace/contract/host.ts'
import { countByState } from '../store/tables/machines.ts'
import type { App } from './context.ts'

export interface DaemonFacts {
  readonly version: string
  readonly startedAt: number
  readonly checks: () => Promise<CheckResult[]>
}

export async function hostStatus(app: App, daemon: DaemonFacts): Promise<HostStatus> {
  const facts = app.host.facts()
  const { running, creating, paused, error } = await countByState(app.db)
  return {
    version: daemon.version,
    driver: `${facts.driver} ${facts.driverVersion}`,
    accelerator: facts.accelerator,
    pid: process.pid,
    started_at: new Date(daemon.startedAt).toISOString(),
    shapes: app.promisedShapes.map((shape) => {
      const { state, detail } = app.host.shapeStatus(shape)
      return { template: shape.template, vcpus: shape.vcpus, memory_mb: shape.memoryMb, state, ...(detail === undefined ? {} : { detail }) }
    }),
    machines: { running, creating, paused, error },
    checks: await daemon.checks(),
  }
}
