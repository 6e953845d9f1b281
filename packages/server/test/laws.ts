// The three laws of a workflow, as tests generated for each: failing at any step leaves nothing behind; any step twice
// is harmless; any undo twice is harmless.

import { describe, expect, test } from 'vitest'
import { silentLogger } from '../src/observe/logger.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { insertOperation, openOperations } from '../src/store/tables/operations.ts'
import type { WorkflowContext } from '../src/workflows/context.ts'
import { newOperation, WorkflowEngine } from '../src/workflows/engine.ts'
import type { BaseState, Step, Workflow } from '../src/workflows/workflow.ts'

/** One place to run a workflow in, freshly made for every test. */
export interface Ground<State> extends AsyncDisposable {
  readonly context: WorkflowContext
  /** The operation as its use case would begin it, with what must be in the store for that. */
  begin(): Promise<State>
  /**
   * What is on the host or in the store and was not before it began, or was and is not, or does not work any more; empty
   * when all is as it was.
   */
  traces(): Promise<string[]>
  /** Rejects unless the operation came to what it promises. */
  expectDone(): Promise<void>
}

/** `following`: the workflows that it goes over into when it is done, one after the other. */
export function describeWorkflow<State extends BaseState & object>(
  workflow: Workflow<WorkflowContext, State>,
  makeGround: () => Promise<Ground<State>>,
  following: readonly Workflow<WorkflowContext, BaseState>[] = [],
): void {
  const engineOf = ({ context }: Ground<State>, changed = workflow): WorkflowEngine<WorkflowContext> =>
    new WorkflowEngine<WorkflowContext>({ db: context.db, clock: context.clock, log: silentLogger(), metrics: createMetrics() }, context, [
      changed,
      ...following,
    ])
  const run = async (ground: Ground<State>, changed: Workflow<WorkflowContext, State>): Promise<void> => {
    const { db, clock } = ground.context
    const engine = engineOf(ground, changed)
    const entry = newOperation(workflow.kind, await ground.begin())
    await insertOperation(db, entry, clock.now())
    const next = await engine.run(entry)
    expect(next?.kind).toBe(following[0]?.kind)
    expect(await openOperations(db), 'what follows is in the journal').toEqual(next ? [next] : [])
    await engine.finish(next)
  }
  const steps = workflow.steps.map((step, index) => ({ name: step.name, index }))
  const withStep = (
    index: number,
    change: (step: Step<WorkflowContext, State>) => Step<WorkflowContext, State>,
  ): Workflow<WorkflowContext, State> => ({
    ...workflow,
    steps: workflow.steps.map((step, at) => (at === index ? change(step) : step)),
  })
  const boom = new Error('boom')

  describe(`workflow ${workflow.kind}`, () => {
    test('comes to what it promises, and its journal entry ends', async () => {
      await using ground = await makeGround()
      await run(ground, workflow)
      expect(await openOperations(ground.context.db)).toEqual([])
      await ground.expectDone()
    })

    test.each(steps)('step $name twice is harmless', async ({ index }) => {
      await using ground = await makeGround()
      await run(
        ground,
        withStep(index, (step) => ({
          ...step,
          async run(op, context, state) {
            const first = (await step.run(op, context, state)) ?? {}
            const second = (await step.run(op, context, { ...state, ...first })) ?? {}
            return { ...first, ...second } as Partial<State>
          },
        })),
      )
      await ground.expectDone()
    })

    if (workflow.afterCrash === 'undo') {
      test.each(steps)('failing before or after step $name leaves nothing', async ({ index }) => {
        for (const when of ['before', 'after'] as const) {
          await using ground = await makeGround()
          const failing = withStep(index, (step) => ({
            ...step,
            async run(op, context, state) {
              if (when === 'after') await step.run(op, context, state)
              throw boom
            },
          }))
          await expect(run(ground, failing)).rejects.toThrow(boom)
          expect(await openOperations(ground.context.db)).toEqual([])
          expect(await ground.traces()).toEqual([])
        }
      })

      test.each(steps)('undo of $name twice is harmless', async ({ index }) => {
        await using ground = await makeGround()
        const undoTwice = withStep(index, (step) => ({
          ...step,
          run: async (op, context, state) => step.run(op, context, state),
          async undo(op, context, state) {
            await step.undo?.(op, context, state)
            await step.undo?.(op, context, state)
          },
        }))
        const last = undoTwice.steps.length - 1
        const failing = {
          ...undoTwice,
          steps: undoTwice.steps.map((step, at) => (at === last ? { ...step, run: () => Promise.reject(boom) } : step)),
        }
        await expect(run(ground, failing)).rejects.toThrow(boom)
        expect(await ground.traces()).toEqual([])
      })
    } else {
      test.each(steps)('failing at $name stays in the journal and is finished later', async ({ index }) => {
        await using ground = await makeGround()
        let failures = 1
        const failing = withStep(index, (step) => ({
          ...step,
          run: (op, context, state) => (failures-- > 0 ? Promise.reject(boom) : step.run(op, context, state)),
        }))
        await expect(run(ground, failing)).rejects.toThrow(boom)
        expect(await openOperations(ground.context.db)).toHaveLength(1)
        await engineOf(ground).resume((_keys, _kind, work) => work())
        expect(await openOperations(ground.context.db)).toEqual([])
        await ground.expectDone()
      })
    }
  })
}
