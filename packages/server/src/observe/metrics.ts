// What /metrics shows, in Prometheus form.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    requests: new Histogram({
      name: 'nullspace_http_request_seconds',
      help: 'HTTP requests by route and status',
      labelNames: ['route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60],
      registers,
    }),
    steps: new Histogram({
      name: 'nullspace_workflow_step_seconds',
      help: 'Steps of durable operations, by outcome',
      labelNames: ['workflow', 'step', 'outcome'],
      buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60],
      registers,
    }),
    machines: new Gauge({ name: 'nullspace_machines', help: 'Machines by state', labelNames: ['state'], registers }),
    execs: new Counter({ name: 'nullspace_execs_total', help: 'Commands by outcome', labelNames: ['outcome'], registers }),
    machineFailures: new Counter({ name: 'nullspace_machine_failures_total', help: 'Machines that died by themselves', registers }),
    orphans: new Counter({ name: 'nullspace_orphans_swept_total', help: 'Leftovers removed, by kind', labelNames: ['kind'], registers }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
