// /v1/machines/{id}/metrics and host-metrics.

import type { App } from '../app/context.ts'
import { machineUsage } from '../app/usage.ts'
import { hostMetricsView, metricsView } from '../app/usage-sample.ts'
import type { Handlers } from './implement.ts'

export function usageHandlers(app: App): Pick<Handlers, 'getMetrics' | 'getHostMetrics'> {
  return {
    getMetrics: async ({ principal, params }) => (await machineUsage(app, principal, params.id)).map(metricsView),
    getHostMetrics: async ({ principal, params }) => hostMetricsView(await machineUsage(app, principal, params.id)),
  }
}
