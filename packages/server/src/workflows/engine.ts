// Runs workflows: the journal entry first, then the steps. A daemon killed at any point finds the entry at its next
// start. It does not need to know how far it got: steps and undos are harmless twice, so it begins again.

import { operationIds, type MachineId, type OperationId } from '@nullspace/contract/ids.ts'
import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Op } from '../observe/op.ts'
import type { Db, Tx } from '../store/db.ts'
import { deleteOperation, findOperation, openOperations, type Operation, updateOperation } from '../store/tables/operations.ts'
import type { Workflow } from './workflow.ts'

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
  readonly hooks?: StepHooks
}

/** What every workflow's state has; the journal holds the rest as JSON. */
interface BaseState {
  readonly machineId: string
}

const UNDO_TIMEOUT_MS = 60_000

export function newOperation<State extends BaseState & object>(kind: string, state: State): Operation {
  return {
    id: operationIds.mint(randomBytes) as OperationId,
    kind,
    machineId: state.machineId as MachineId,
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

  /** Runs an operation whose journal entry the caller has written in its own transaction. Rejects with the step's error after undoing. */
  async run(entry: Operation, signal?: AbortSignal): Promise<void> {
    const workflow = this.#workflow(entry.kind)
    using op = new Op(`${entry.kind} ${entry.machineId}`, { timeoutMs: workflow.timeoutMs, signal })
    const state: Record<string, unknown> = { ...entry.state }
    for (const step of workflow.steps) {
      try {
        op.throwIfDone()
        const patch = await this.#timed(workflow.kind, step.name, 'forward', () => step.run(op, this.#context, state as never))
        Object.assign(state, patch)
      } catch (error) {
        this.#deps.log.warn({ err: error, machine: entry.machineId, step: step.name, workflow: entry.kind, op: op.lines }, 'step failed')
        if (workflow.afterCrash === 'finish') throw error // stays in the journal; resume() tries again
        await this.#undo(workflow, { ...entry, state, phase: 'undo', error: String(error) })
        throw error
      }
    }
    await this.#end(entry, (tx) => workflow.done(tx, this.#context, state as never))
  }

  /**
   * Finishes or undoes what an earlier life of the daemon left; also retries what failed to. `exclusively` runs the work
   * while nothing else changes the machine, or not at all: an operation that is under way looks the same in the journal
   * as one that was left. One entry's failure does not stop the others.
   */
  async resume(exclusively: (machineId: string, kind: string, work: () => Promise<void>) => Promise<void> | null): Promise<void> {
    const entries = await openOperations(this.#deps.db)
    await Promise.all(entries.map(({ id, machineId, kind }) => exclusively(machineId, kind, () => this.#resumeOne(id))))
  }

  async #resumeOne(id: string): Promise<void> {
    // Read again: it may have ended between the look at the journal and the lock.
    const entry = await findOperation(this.#deps.db, id)
    if (!entry) return
    const { log } = this.#deps
    log.info({ machine: entry.machineId, workflow: entry.kind, phase: entry.phase }, 'resuming')
    try {
      const workflow = this.#workflow(entry.kind)
      if (entry.phase === 'undo' || workflow.afterCrash === 'undo') {
        await this.#undo(workflow, { ...entry, phase: 'undo', error: entry.error ?? 'the daemon was stopped in the middle of it' })
      } else await this.run(entry)
    } catch (error) {
      log.error({ err: error, machine: entry.machineId, workflow: entry.kind }, 'not finished yet; it will be tried again')
    }
  }

  async #undo(workflow: Workflow<Context, BaseState>, entry: Operation): Promise<void> {
    using op = new Op(`undo ${entry.kind} ${entry.machineId}`, { timeoutMs: UNDO_TIMEOUT_MS })
    await updateOperation(this.#deps.db, entry, this.#deps.clock.now())
    for (const step of workflow.steps.toReversed()) {
      if (step.undo) await this.#timed(workflow.kind, step.name, 'undo', () => step.undo!(op, this.#context, entry.state as never)) // checked just before
    }
    await this.#end(entry, (tx) => workflow.undone?.(tx, this.#context, entry.state as never, entry.error ?? 'undone') ?? Promise.resolve())
  }

  async #end(entry: Operation, outcome: (tx: Tx) => Promise<void>): Promise<void> {
    await this.#deps.db.transaction().execute(async (tx) => {
      await outcome(tx)
      await deleteOperation(tx, entry.id)
    })
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
