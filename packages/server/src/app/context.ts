// What the use cases work with. No HTTP, no SQL here.

import type { Clock } from '../domain/clock.ts'
import type { Shape } from '../domain/machine.ts'
import type { Host } from '../host/host.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Db } from '../store/db.ts'
import type { WorkflowContext } from '../workflows/context.ts'
import type { WorkflowEngine } from '../workflows/engine.ts'
import type { KeyedLock } from '../workflows/keyed-lock.ts'
import type { Quota } from '@nullspace/contract/quotas.ts'
import type { Turnstile } from '../workflows/turnstile.ts'
import type { Activity } from './activity.ts'
import type { EventTail } from './event-tail.ts'
import type { Monitor } from './monitor.ts'
import type { Outbox } from './outbox.ts'
import type { SnapshotUses } from './snapshot-uses.ts'
import type { UploadGates } from './uploads-gate.ts'
import type { UsageLog } from './usage.ts'

export interface App {
  readonly db: Db
  readonly host: Host
  readonly engine: WorkflowEngine<WorkflowContext>
  /** Who is changing which machine now. */
  readonly lock: KeyedLock
  /** Starts of machines are admitted a few at a time. */
  readonly starts: Turnstile
  readonly activity: Activity
  readonly outbox: Outbox
  /** Wakes those who follow events. */
  readonly tail: EventTail
  readonly usage: UsageLog
  readonly uploadGates: UploadGates
  readonly monitor: Monitor
  /** Whether webhooks may be posted to what is not the public internet. */
  readonly webhookPrivateTargets: boolean
  readonly snapshotUses: SnapshotUses
  /** What an owner may hold unless an operator says otherwise; operators hold what they like. */
  readonly defaultQuota: Quota
  /** Signs addresses of files; nobody else has it. */
  readonly fileUrlKey: Uint8Array
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly log: Logger
  readonly metrics: Metrics
  /** Shapes that set-up promises to have ready. */
  readonly promisedShapes: readonly Shape[]
  readonly lifecycle: { draining: boolean }
}
