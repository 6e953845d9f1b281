// How a runner's process ended, as far as judging the suite goes.
import type { RunResult } from '../lib/run.ts'
import type { Ending } from './judge.ts'

export function endingOf({ code, signal, timedOut, notFound, ms, lastLine, output }: RunResult): Ending {
  const tail = notFound ? 'the runner is not installed' : output.trimEnd().split('\n').slice(-40).join('\n')
  return { code, signal, timedOut, ms, lastLine, tail }
}
