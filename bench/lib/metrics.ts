// What a daemon counts, as it shows it in Prometheus' text form. Sums and counts of a histogram are exact, so the
// difference of two looks is the very time of what happened between them.

/** By name with labels, as they stand in the text: `name{a="b",c="d"}`. */
export type MetricValues = ReadonlyMap<string, number>

export function parseMetrics(text: string): MetricValues {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  // A label's value may hold spaces; what follows the last one is the value.
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

/** How much it grew; what is not there yet is 0. */
export function grown(before: MetricValues, after: MetricValues, name: string): number {
  return (after.get(name) ?? 0) - (before.get(name) ?? 0)
}

export interface StepTime {
  readonly workflow: string
  readonly step: string
  readonly count: number
  readonly meanMs: number
}

const STEP = /^nullspace_workflow_step_seconds_sum\{workflow="(\w+)",step="(\w+)",outcome="done"\}$/

/** Of every step that ran between the two looks. */
export function stepTimes(before: MetricValues, after: MetricValues): StepTime[] {
  return [...after.keys()].flatMap((name) => {
    const [, workflow, step] = STEP.exec(name) ?? []
    if (workflow === undefined || step === undefined) return []
    const count = grown(before, after, name.replace('_sum{', '_count{'))
    return count > 0 ? [{ workflow, step, count, meanMs: (grown(before, after, name) * 1000) / count }] : []
  })
}
