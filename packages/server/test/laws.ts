// The three laws of a workflow, as tests generated for each: failing at any step leaves nothing behind; any step twice
// is harmless; any undo twice is harmless.

import { describe, expect, test } from 'vitest'
import { silentLogger } from '../src/observe/logger.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { insertOperation, openOperations } from '../src/store/tables/operations.ts'
import type { WorkflowContext } from '../src/workflows/context.ts'
import { newOperation, WorkflowEngine } from '../src/workflows/engine.ts'
import type { Step, Workflow } from '../src/workflows/workflow.ts'

/** One place to run a workflow in, freshly made for every test. */
export interface Ground<State> extends AsyncDisposable {
  readonly context: WorkflowContext
  /** The operation as its use case would begin it, with what must be in the store for that. */
  begin(): Promise<State>
  /** What of the operation's entity is on the host or in the store; empty when nothing is. */
  traces(): Promise<string[]>
  /** Rejects unless the operation came to what it promises. */
  expectDone(): Promise<void>
}

export function describeWorkflow<State extends { readonly machineId: string } & object>(
  workflow: Workflow<WorkflowContext, State>,
  makeGround: () => Promise<Ground<State>>,
): void {
  const run = async (ground: Ground<State>, changed: Workflow<WorkflowContext, State>): Promise<WorkflowEngine<WorkflowContext>> => {
    const { db, clock } = ground.context
    const engine = new WorkflowEngine<WorkflowContext>({ db, clock, log: silentLogger(), metrics: createMetrics() }, ground.context, [
      changed,
    ])
    const entry = newOperation(workflow.kind, await ground.begin())
    await insertOperation(db, entry, clock.now())
    await engine.run(entry)
    return engine
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
      await ground.expectDone()
      expect(await openOperations(ground.context.db)).toEqual([])
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
          expect(await ground.traces()).toEqual([])
          expect(await openOperations(ground.context.db)).toEqual([])
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
        const { db, clock } = ground.context
        await new WorkflowEngine<WorkflowContext>({ db, clock, log: silentLogger(), metrics: createMetrics() }, ground.context, [
          workflow,
        ]).resume((_machineId, _kind, work) => work())
        expect(await openOperations(db)).toEqual([])
        await ground.expectDone()
      })
    }
  })
}
