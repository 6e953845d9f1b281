// What every workflow works with.

import type { Clock } from '../domain/clock.ts'
import type { Host } from '../host/host.ts'
import type { Db, Tx } from '../store/db.ts'
import type { NewEvent } from '../store/tables/events.ts'
import type { Turnstile } from './turnstile.ts'

export interface WorkflowContext {
  readonly db: Db
  readonly host: Host
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** Starts of machines are admitted a few at a time. */
  readonly starts: Turnstile
  readonly emit: (tx: Tx, event: NewEvent) => Promise<void>
}
