// What every workflow works with.

import type { Clock } from '../domain/clock.ts'
import type { Host } from '../host/host.ts'
import type { Db } from '../store/db.ts'

export interface WorkflowContext {
  readonly db: Db
  readonly host: Host
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
}
