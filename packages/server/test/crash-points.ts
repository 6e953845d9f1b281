// Where a daemon can die: at the edges of every step of a workflow, on its way forward and on its way back.

import type { StepHooks } from '../src/workflows/engine.ts'

export interface CrashPoint {
  readonly kind: string
  readonly step: string
  readonly when: 'before' | 'after'
  readonly phase: 'forward' | 'undo'
  /** The step that fails, so that there is a way back. */
  readonly failing?: string
}

interface Steps {
  readonly kind: string
  readonly afterCrash: 'undo' | 'finish'
  readonly steps: readonly { readonly name: string; readonly undo?: unknown }[]
}

export function pointsOf({ kind, afterCrash, steps }: Steps): CrashPoint[] {
  const edges = ['before', 'after'] as const
  const forward = steps.flatMap(({ name }) => edges.map((when) => ({ kind, step: name, when, phase: 'forward' as const })))
  if (afterCrash === 'finish') return forward
  const failing = steps.at(-1)?.name ?? ''
  const back = steps.filter((step) => step.undo).toReversed()
  return [...forward, ...back.flatMap(({ name }) => edges.map((when) => ({ kind, step: name, when, phase: 'undo' as const, failing })))]
}

export const nameOf = ({ kind, step, when, phase }: CrashPoint): string => `${when} ${phase === 'undo' ? 'undo of ' : ''}${step} of ${kind}`

/** Hooks for a daemon that dies at a point which is chosen while it runs. */
export interface Trap {
  readonly hooks: StepHooks
  /** To everything after the point the daemon is dead: it never comes back from there. Resolves when it got there. */
  set(point: CrashPoint): Promise<void>
}

export function trap(): Trap {
  let point: CrashPoint | undefined
  let dead = Promise.withResolvers<void>()
  const at = (when: CrashPoint['when']) => (kind: string, step: string, phase: CrashPoint['phase']) => {
    if (kind !== point?.kind) return
    if (point.failing === step && phase === 'forward' && when === 'before') throw new Error('this step fails')
    if (step !== point.step || when !== point.when || phase !== point.phase) return
    point = undefined
    dead.resolve()
    return new Promise<void>(() => {})
  }
  return {
    hooks: { before: at('before'), after: at('after') },
    set(next) {
      point = next
      dead = Promise.withResolvers()
      return dead.promise
    },
  }
}
