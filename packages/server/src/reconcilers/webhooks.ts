// Posts what the outbox queued for webhooks. At least once: what was under way when a daemon ended is sent again. A few at
// a time, few per webhook and owner, and the owners in turn, so that an endpoint which hangs holds up nobody but itself.

import { WEBHOOK_LIMITS } from '@nullspace/contract/webhooks.ts'
import type { App } from '../app/context.ts'
import { eventView } from '../app/events.ts'
import { type DueWebhook, dueWebhooks, noteAttempt, requeueInterrupted, takeDeliveries } from '../store/tables/deliveries.ts'
import { findEvent } from '../store/tables/events.ts'
import type { DeliveryRow, WebhookRow } from '../store/tables/webhooks.ts'
import type { Reconciler } from './reconciler.ts'
import { postRules, postWebhook, type PostResult, type WebhookPost } from './webhook-post.ts'

const MOST_AT_ONCE = { inAll: 32, perOwner: 8, perWebhook: 2 } as const
/** Places for owners who have nothing under way: a few whose endpoints hang do not hold all of them. */
const KEPT_FREE = 8
/** After the first attempt, the second, and so on; each a tenth longer at most, so that what failed together does not come back together. */
export const RETRY_AFTER_MS: readonly number[] = [5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 21_600_000]
const JITTER = 0.1

export type Post = (post: WebhookPost, stop: AbortSignal) => Promise<PostResult>

export interface Sender extends Reconciler {
  /** Gives up what is under way; the next daemon sends it again. */
  close(): Promise<void>
}

type Deps = Pick<App, 'db' | 'clock' | 'random' | 'log' | 'metrics' | 'webhookPrivateTargets'>

export function webhookSender(app: Deps, wish?: Post): Sender {
  const rules = postRules(app.webhookPrivateTargets)
  const post: Post = wish ?? ((what, stop) => postWebhook(what, rules, stop))
  const stopping = new AbortController()
  const underWay = new Map<string, Promise<void>>()
  const load = new Load()
  /** There may be deliveries that are marked as being sent and are not. Looked for by a run only: who cannot write must not spin. */
  let strays = true
  let running = false

  const deliver = async (webhook: WebhookRow, delivery: DeliveryRow): Promise<void> => {
    const event = await findEvent(app.db, delivery.event_id)
    // Events take their deliveries along when they go.
    if (!event) return
    const attemptedAt = app.clock.now()
    const from = performance.now()
    const body = JSON.stringify({ event: eventView(event), delivery_id: delivery.id, webhook_id: webhook.id })
    const { responseStatus, error } = await post(
      { url: webhook.url, secret: webhook.signing_secret, webhookId: webhook.id, deliveryId: delivery.id, eventId: event.id, body },
      stopping.signal,
    )
    if (stopping.signal.aborted && error) return
    const delay = delivery.attempt_count + 1 < WEBHOOK_LIMITS.attempts ? RETRY_AFTER_MS[delivery.attempt_count] : undefined
    const nextAttemptAt = error === null || delay === undefined ? null : app.clock.now() + jittered(delay, app.random)
    const durationMs = Math.round(performance.now() - from)
    await noteAttempt(app.db, delivery, { attemptedAt, durationMs, responseStatus, error, nextAttemptAt })
    app.metrics.webhookDeliveries.inc({ outcome: error === null ? 'succeeded' : nextAttemptAt === null ? 'dead_letter' : 'failed' })
    if (error) app.log.debug({ webhook: webhook.id, delivery: delivery.id, why: error.code }, 'a webhook was not taken')
  }

  const begin = (webhook: WebhookRow, delivery: DeliveryRow): void => {
    const done = load.add(webhook.owner_id, webhook.id)
    const work = deliver(webhook, delivery)
      .catch((error: unknown) => {
        strays = true
        app.log.error({ err: error, delivery: delivery.id }, 'what came of a delivery could not be noted; it is sent again')
      })
      .finally(() => {
        done()
        underWay.delete(delivery.id)
        // There is room for another; if this look fails, the next one is at most a second away.
        look().catch(() => {})
      })
    underWay.set(delivery.id, work)
  }

  const sendDue = async (): Promise<void> => {
    if (strays && running) {
      strays = false
      await requeueInterrupted(app.db, app.clock.now(), [...underWay.keys()])
    }
    const due = await dueWebhooks(app.db, app.clock.now())
    for (let next = load.next(due); next; next = load.next(due)) {
      // One at a time, so that the places go round.
      const taken = await takeDeliveries(app.db, next.id, app.clock.now(), 1)
      if (stopping.signal.aborted) return
      if (taken) for (const delivery of taken.deliveries) begin(taken.webhook, delivery)
      else due.splice(due.indexOf(next), 1)
    }
  }

  let looking: Promise<void> | null = null
  let again = false
  const look = (): Promise<void> => {
    if (stopping.signal.aborted) return Promise.resolve()
    again = true
    looking ??= (async () => {
      try {
        while (again) {
          again = false
          await sendDue()
        }
      } catch (error) {
        strays = true
        throw error
      } finally {
        looking = null
      }
    })()
    return looking
  }

  return {
    name: 'webhooks',
    everyMs: 1_000,
    async run() {
      running = true
      await look().finally(() => (running = false))
    },
    async close() {
      stopping.abort()
      await looking?.catch(() => {})
      await Promise.all(underWay.values())
    },
  }
}

/** How much is under way, and whose turn is next. */
class Load {
  #all = 0
  readonly #of = new Map<string, number>()
  /** Owners in the order of their last turns. */
  readonly #turns = new Set<string>()

  /** Of the owner with the fewest under way; among those, of the one whose last turn is the longest ago. Null when there is no room. */
  next(due: readonly DueWebhook[]): DueWebhook | null {
    const turns = new Map([...this.#turns].map((owner, index) => [owner, index]))
    let best: DueWebhook | null = null
    for (const webhook of due) {
      if (!this.#hasRoom(webhook)) continue
      const rank = (of: DueWebhook): number => this.#count(of.ownerId) * (turns.size + 1) + (turns.get(of.ownerId) ?? -1) + 1
      if (best === null || rank(webhook) < rank(best)) best = webhook
    }
    return best
  }

  #hasRoom({ id, ownerId }: DueWebhook): boolean {
    const own = this.#count(ownerId)
    const places = MOST_AT_ONCE.inAll - (own > 0 ? KEPT_FREE : 0)
    return this.#all < places && own < MOST_AT_ONCE.perOwner && this.#count(id) < MOST_AT_ONCE.perWebhook
  }

  #count(key: string): number {
    return this.#of.get(key) ?? 0
  }

  /** Returns how to take it off again. */
  add(owner: string, webhook: string): () => void {
    const change = (by: number): void => {
      this.#all += by
      for (const key of [owner, webhook]) {
        const now = this.#count(key) + by
        if (now > 0) this.#of.set(key, now)
        else this.#of.delete(key)
      }
    }
    change(1)
    this.#turns.delete(owner)
    this.#turns.add(owner)
    return () => change(-1)
  }
}

function jittered(delayMs: number, random: (bytes: number) => Uint8Array): number {
  return Math.round(delayMs * (1 + (JITTER * (random(1)[0] ?? 0)) / 255))
}
