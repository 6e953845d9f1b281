// Forgets what happened long ago, so that the store stays bounded however busy an owner is.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { App } from '../app/context.ts'
import { trimEvents } from '../store/tables/events.ts'
import { trimDeliveries } from '../store/tables/webhooks.ts'
import type { Reconciler } from './reconciler.ts'

const DAY_MS = 24 * 3_600_000

export interface Kept {
  readonly days: number
  readonly eventsPerOwner?: number
  readonly deliveriesPerWebhook?: number
}

/** Events go with their deliveries. */
export const retention = (
  app: Pick<App, 'db' | 'clock' | 'log'>,
  { days, eventsPerOwner = 200_000, deliveriesPerWebhook = 10_000 }: Kept,
): Reconciler => ({
  name: 'retention',
  everyMs: 300_000,
  async run() {
    const bounds = { before: app.clock.now() - days * DAY_MS, perOwner: eventsPerOwner, limit: 1_000 }
    // In parts, so that requests get their turn.
    while ((await trimEvents(app.db, bounds)) > 0) await nextTurn()
    const removed = await trimDeliveries(app.db, deliveriesPerWebhook)
    if (removed > 0) app.log.warn({ removed }, 'webhooks had more deliveries than are kept; the oldest are gone')
  },
})
