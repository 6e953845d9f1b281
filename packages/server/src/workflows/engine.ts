// Runs workflows: the journal entry first, then the steps. A daemon killed at any point finds the entry at its next
// start. It does not need to know how far it got: steps and undos are harmless twice, so it begins again.

import { operationIds, type OperationId } from '@nullspace/contract/ids.ts'
import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Op } from '../observe/op.ts'
import type { Db, Tx } from '../store/db.ts'
import {
  deleteOperation,
  findOperation,
  insertOperation,
  openOperations,
  type Operation,
  operationsOf,
  updateOperation,
} from '../store/tables/operations.ts'
import type { BaseState, Failure, Workflow } from './workflow.ts'

/** Where a test may stand in: the daemon "dies" when one of these never returns. */
export interface StepHooks {
  before?(kind: string, step: string, phase: 'forward' | 'undo'): Promise<void> | void
  after?(kind: string, step: string, phase: 'forward' | 'undo'): Promise<void> | void
}

export interface EngineDeps {
  readonly db: Db
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** What went wrong, as a caller would be told. */
  readonly explain?: (error: unknown) => Failure
  readonly hooks?: StepHooks
}

/** Runs the work while nothing else changes what these keys name, or not at all: then it is null. */
export type Exclusively = (keys: readonly string[], kind: string, work: () => Promise<void>) => Promise<void> | null

const UNDO_TIMEOUT_MS = 60_000
const INTERRUPTED: Failure = { code: 'internal_error', message: 'The daemon was stopped in the middle of it.' }

export function newOperation<State extends BaseState & object>(kind: string, state: State): Operation {
  return {
    id: operationIds.mint(randomBytes) as OperationId,
    kind,
    subject: state.subject,
    phase: 'forward',
    state: { ...state } as Record<string, unknown>,
    error: null,
  }
}

export class WorkflowEngine<Context> {
  readonly #deps: EngineDeps
  readonly #context: Context
  readonly #workflows = new Map<string, Workflow<Context, BaseState>>()

  constructor(deps: EngineDeps, context: Context, workflows: readonly Workflow<Context, BaseState>[]) {
    this.#deps = deps
    this.#context = context
    for (const workflow of workflows) this.#workflows.set(workflow.kind, workflow)
  }

  /**
   * Runs an operation whose journal entry the caller has written in its own transaction. Rejects with the step's error
   * after undoing. Returns the operation that follows it, which the caller runs; its entry is in the journal already.
   */
  async run(entry: Operation, signal?: AbortSignal): Promise<Operation | null> {
    const workflow = this.#workflow(entry.kind)
    using op = new Op(`${entry.kind} ${entry.subject}`, { timeoutMs: workflow.timeoutMs, signal })
    const state: Record<string, unknown> = { ...entry.state }
    for (const step of workflow.steps) {
      try {
        op.throwIfDone()
        const patch = await this.#timed(workflow.kind, step.name, 'forward', () => step.run(op, this.#context, state as never))
        Object.assign(state, patch)
      } catch (error) {
        this.#deps.log.warn({ err: error, subject: entry.subject, step: step.name, workflow: entry.kind, op: op.lines }, 'step failed')
        if (workflow.afterCrash === 'finish') throw error // stays in the journal; resume() tries again
        await this.#undo(workflow, { ...entry, state, phase: 'undo', error: JSON.stringify(this.#explain(error)) })
        throw error
      }
    }
    try {
      return await this.#end(entry, (tx) => workflow.done(tx, this.#context, state as never))
    } catch (error) {
      // It was not acknowledged, and what stands still for it must not wait for the next look at the journal.
      if (workflow.afterCrash === 'undo')
        await this.#undo(workflow, { ...entry, state, phase: 'undo', error: JSON.stringify(this.#explain(error)) })
      throw error
    }
  }

  /** The rest of what was acknowledged already: if it fails now, the journal keeps it and resume() tries again. */
  async finish(entry: Operation | null): Promise<void> {
    for (let next = entry; next !== null;) {
      try {
        next = await this.run(next)
      } catch (error) {
        this.#deps.log.error({ err: error, subject: next?.subject, workflow: next?.kind }, 'not finished yet; it will be tried again')
        return
      }
    }
  }

  /**
   * Finishes or undoes what an earlier life of the daemon left; also retries what failed to. An operation that is under
   * way looks the same in the journal as one that was left: `exclusively` tells them apart. One entry's failure does not
   * stop the others.
   */
  async resume(exclusively: Exclusively): Promise<void> {
    const entries = await openOperations(this.#deps.db)
    await Promise.all(
      entries.map(({ id, subject, kind, state }) => {
        const keys = this.#workflows.get(kind)?.keys?.(state as never) ?? []
        return exclusively([subject, ...keys], kind, () => this.#resumeOne(id))
      }),
    )
  }

  /** In the transaction that begins to take the subject down: what could not be finished or undone before does not keep it. */
  async giveWay(tx: Tx, subject: string): Promise<void> {
    for (const entry of await operationsOf(tx, subject)) {
      await deleteOperation(tx, entry.id)
      const heir = this.#workflow(entry.kind).heir?.(entry.state as never)
      if (heir !== undefined) await insertOperation(tx, { ...entry, subject: heir, phase: 'undo' }, this.#deps.clock.now())
    }
  }

  async #resumeOne(id: string): Promise<void> {
    // Read again: it may have ended between the look at the journal and the lock.
    const entry = await findOperation(this.#deps.db, id)
    if (!entry) return
    const { log } = this.#deps
    log.info({ subject: entry.subject, workflow: entry.kind, phase: entry.phase }, 'resuming')
    try {
      const workflow = this.#workflow(entry.kind)
      if (entry.phase === 'undo' || workflow.afterCrash === 'undo') {
        await this.#undo(workflow, { ...entry, phase: 'undo', error: entry.error ?? JSON.stringify(INTERRUPTED) })
      } else await this.finish(await this.run(entry))
    } catch (error) {
      log.error({ err: error, subject: entry.subject, workflow: entry.kind }, 'not finished yet; it will be tried again')
    }
  }

  async #undo(workflow: Workflow<Context, BaseState>, entry: Operation): Promise<void> {
    using op = new Op(`undo ${entry.kind} ${entry.subject}`, { timeoutMs: UNDO_TIMEOUT_MS })
    // A note for after a crash. Where the disk is full it is the undo that makes room again, so it does not wait for this.
    await updateOperation(this.#deps.db, entry, this.#deps.clock.now()).catch((error: unknown) =>
      this.#deps.log.error({ err: error, subject: entry.subject, workflow: entry.kind }, 'that it is being undone could not be noted'),
    )
    for (const step of workflow.steps.toReversed()) {
      if (step.undo) await this.#timed(workflow.kind, step.name, 'undo', () => step.undo!(op, this.#context, entry.state as never)) // checked just before
    }
    const failure = entry.error === null ? INTERRUPTED : (JSON.parse(entry.error) as Failure)
    await this.#end(entry, async (tx) => workflow.undone?.(tx, this.#context, entry.state as never, failure))
  }

  async #end(entry: Operation, outcome: (tx: Tx) => Promise<Operation | void>): Promise<Operation | null> {
    return this.#deps.db.transaction().execute(async (tx) => {
      const next = await outcome(tx)
      await deleteOperation(tx, entry.id)
      if (next) await insertOperation(tx, next, this.#deps.clock.now())
      return next ?? null
    })
  }

  #explain(error: unknown): Failure {
    return this.#deps.explain?.(error) ?? { code: 'internal_error', message: error instanceof Error ? error.message : String(error) }
  }

  async #timed<T>(kind: string, step: string, phase: 'forward' | 'undo', work: () => Promise<T>): Promise<T> {
    const { hooks, metrics } = this.#deps
    await hooks?.before?.(kind, step, phase)
    const startedAt = performance.now()
    let outcome = phase === 'forward' ? 'done' : 'undone'
    try {
      return await work()
    } catch (error) {
      outcome = 'failed'
      throw error
    } finally {
      metrics.steps.observe({ workflow: kind, step, outcome }, (performance.now() - startedAt) / 1000)
      await hooks?.after?.(kind, step, phase)
    }
  }

  #workflow(kind: string): Workflow<Context, BaseState> {
    const workflow = this.#workflows.get(kind)
    if (!workflow) throw new Error(`no workflow of kind ${kind}; the journal was written by another release`)
    return workflow
  }
}
