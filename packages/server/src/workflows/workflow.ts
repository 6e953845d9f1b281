// A durable operation is a list of steps with undo. Three laws hold for each, and laws.ts tests them: failing at any step
// leaves nothing behind; any step twice is harmless; any undo twice is harmless.

import type { Op } from '../observe/op.ts'
import type { Tx } from '../store/db.ts'
import type { Operation } from '../store/tables/operations.ts'

/** What every workflow's state has; the journal holds the rest as JSON. */
export interface BaseState {
  /** Id of what it is on: a machine, or the snapshot that children are made from. Only one operation at a time is. */
  readonly subject: string
}

/** Why an operation came to nothing, as events tell it. */
export interface Failure {
  readonly code: string
  readonly message: string
}

export interface Step<Context, State> {
  readonly name: string
  /** Returns what later steps need. */
  run(op: Op, context: Context, state: State): Promise<Partial<State> | void>
  /**
   * Also called for a step that failed half-way, was cut off by a crash, or never ran: it goes by ids and takes what else
   * is in `state` only as a hint.
   */
  undo?(op: Op, context: Context, state: State): Promise<void>
}

export interface Workflow<Context, State extends BaseState> {
  readonly kind: string
  /** What a daemon does that finds it unfinished at its start. */
  readonly afterCrash: 'undo' | 'finish'
  readonly timeoutMs: number
  readonly steps: readonly Step<Context, State>[]
  /**
   * What it is undone under when its subject is destroyed before that could be done. Without it, taking the subject down
   * is all there is to undo.
   */
  heir?(state: State): string
  /** What else must not be changed by others meanwhile, besides the subject. */
  keys?(state: State): readonly string[]
  /**
   * What the operation comes to, in the transaction that ends its journal entry. Returns the operation that follows, if
   * there is one: its entry is written in the same transaction.
   */
  done(tx: Tx, context: Context, state: State): Promise<Operation | void>
  /** The same for an undone one: the entity goes back or away. */
  undone?(tx: Tx, context: Context, state: State, failure: Failure): Promise<void>
}
