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
    captureStopped: new Histogram({
      name: 'nullspace_capture_stopped_seconds',
      help: 'How long a machine stood still while it was saved or forked',
      buckets: [0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    captureBytes: new Histogram({
      name: 'nullspace_capture_bytes',
      help: 'Memory that was copied meanwhile',
      buckets: [1, 4, 16, 64, 256, 1024, 4096].map((mib) => mib * 1024 ** 2),
      registers,
    }),
    machines: new Gauge({ name: 'nullspace_machines', help: 'Machines by state', labelNames: ['state'], registers }),
    execs: new Counter({ name: 'nullspace_execs_total', help: 'Commands by outcome', labelNames: ['outcome'], registers }),
    machineFailures: new Counter({ name: 'nullspace_machine_failures_total', help: 'Machines that died by themselves', registers }),
    webhookDeliveries: new Counter({
      name: 'nullspace_webhook_deliveries_total',
      help: 'Attempts to post to webhooks, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    sockets: new Gauge({ name: 'nullspace_ws_connections', help: 'Open WebSocket connections', registers }),
    orphans: new Counter({ name: 'nullspace_orphans_swept_total', help: 'Leftovers removed, by kind', labelNames: ['kind'], registers }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>

/** What a host tells of each capture, in the units that Prometheus wants. */
export function observeCapture(metrics: Metrics): (captured: { ownBytes: number; stoppedMs: number }) => void {
  return ({ ownBytes, stoppedMs }) => {
    metrics.captureStopped.observe(stoppedMs / 1000)
    metrics.captureBytes.observe(ownBytes)
  }
}
