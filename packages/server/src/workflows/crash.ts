// For tests of what a killed daemon leaves: the process kills itself at a named point, as `kill -9` would.

import type { StepHooks } from './engine.ts'

/** `create:restore:after`, `destroy:stopVm:before`, `create:greet:undo`: workflow, step, and when. */
export function crashAt(point: string): StepHooks {
  const [kind, step, when] = point.split(':')
  if (!kind || !step || !['before', 'after', 'undo'].includes(when ?? ''))
    throw new Error(`crash_at: ${point} is not workflow:step:before|after|undo`)
  const die = (): Promise<void> => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }
  const here = (k: string, s: string, w: string): boolean => k === kind && s === step && w === when
  return {
    before: (k, s, phase) => (here(k, s, phase === 'undo' ? 'undo' : 'before') ? die() : undefined),
    after: (k, s, phase) => (here(k, s, phase === 'undo' ? '' : 'after') ? die() : undefined),
  }
}
