// A durable operation on a machine is a list of steps with undo. Three laws hold for each, and laws.ts tests them:
// failing at any step leaves nothing behind; any step twice is harmless; any undo twice is harmless.

import type { Op } from '../observe/op.ts'
import type { Tx } from '../store/db.ts'

export interface Step<Context, State> {
  readonly name: string
  /** Returns what later steps need. */
  run(op: Op, context: Context, state: State): Promise<Partial<State> | void>
  /**
   * Also called for a step that failed half-way, was cut off by a crash, or never ran: it goes by the machine's id and
   * takes what is in `state` only as a hint.
   */
  undo?(op: Op, context: Context, state: State): Promise<void>
}

export interface Workflow<Context, State extends { readonly machineId: string }> {
  readonly kind: string
  /** What a daemon does that finds it unfinished at its start. */
  readonly afterCrash: 'undo' | 'finish'
  readonly timeoutMs: number
  readonly steps: readonly Step<Context, State>[]
  /** What the operation comes to, in the transaction that ends its journal entry. */
  done(tx: Tx, context: Context, state: State): Promise<void>
  /** The same for an undone one: the entity goes back or away. */
  undone?(tx: Tx, context: Context, state: State, reason: string): Promise<void>
}
