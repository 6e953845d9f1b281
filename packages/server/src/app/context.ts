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
import type { Activity } from './activity.ts'
import type { Turnstile } from './turnstile.ts'

export interface App {
  readonly db: Db
  readonly host: Host
  readonly engine: WorkflowEngine<WorkflowContext>
  /** Who is changing which machine now. */
  readonly lock: KeyedLock
  /** Starts of machines are admitted a few at a time. */
  readonly starts: Turnstile
  readonly activity: Activity
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly log: Logger
  readonly metrics: Metrics
  /** Shapes that set-up promises to have ready. */
  readonly promisedShapes: readonly Shape[]
  readonly lifecycle: { draining: boolean }
}
