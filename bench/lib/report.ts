// Results as a file for programs and a page for people.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inRepo } from '../../tools/lib/repo.ts'
import type { HostFacts } from './host-facts.ts'
import { type Bar, isHeld, type Summary } from './stats.ts'

export interface Report {
  readonly benchmark: string
  readonly startedAt: string
  readonly seconds: number
  readonly host: HostFacts
  /** Load average of the last minute. */
  readonly load: { readonly before: number; readonly after: number }
  readonly rows: readonly Row[]
  readonly bars: readonly Bar[]
  /** What stands by itself: parts of a whole, means. */
  readonly figures?: readonly Figure[]
  readonly notes: readonly string[]
  readonly errors: readonly string[]
  /** Everything that was taken, in order; ms unless its name says what else; null for a failure. */
  readonly raw: Readonly<Record<string, readonly (number | null)[]>>
}

export interface Row {
  readonly what: string
  /** In ms, or in bytes where the unit is MB. */
  readonly summary: Summary
  /** ms when left out. */
  readonly unit?: 'MB'
}

export interface Figure {
  readonly what: string
  readonly value: number | null
  readonly unit: Bar['unit']
}

/** What a part of a benchmark has to say. */
export interface Findings {
  readonly rows: readonly Row[]
  readonly bars: readonly Bar[]
  readonly figures: readonly Figure[]
  readonly notes: readonly string[]
}

export async function writeReport(name: string, report: Report): Promise<string> {
  const dir = inRepo('bench/results')
  await mkdir(dir, { recursive: true })
  await writeFile(
    join(dir, `${name}.json`),
    `${JSON.stringify({ ...report, bars: report.bars.map((bar) => ({ ...bar, held: isHeld(bar) })) }, null, 2)}\n`,
  )
  const page = markdown(report)
  await writeFile(join(dir, `${name}.md`), page)
  return page
}

function markdown({ benchmark, startedAt, seconds, host, load, rows, bars, figures = [], notes, errors }: Report): string {
  return [
    `# ${benchmark}`,
    '',
    `${startedAt}, ${Math.round(seconds)} s. ${host.cores} × ${host.cpu}, ${host.memoryGib} GiB, Linux ${host.kernel}; ${host.hypervisor}, accelerator ${host.accelerator}; ${host.podman}, ${host.runtime}; Node ${host.node}. Load ${load.before} before, ${load.after} after.`,
    '',
    '| | n | success | min | p50 | p95 | p99 |',
    '|---|--:|--:|--:|--:|--:|--:|',
    ...rows.map(
      ({ what, summary: { n, successRate, times }, unit }) =>
        `| ${what} | ${n} | ${percent(successRate)} | ${times ? [times.min, times.p50, times.p95, times.p99].map(unit === 'MB' ? megabytes : ms).join(' | ') : '– | – | – | –'} |`,
    ),
    '',
    rows.some(({ unit }) => unit === 'MB') ? 'Times in ms; sizes as they say.' : 'Times in ms.',
    '',
    '| bar | reached | |',
    '|---|--:|---|',
    ...bars.map(
      (bar) =>
        `| ${bar.name} ${bar.atMost ? '≤' : '≥'} ${amount(bar.limit, bar.unit)} | ${bar.value === null ? '–' : amount(bar.value, bar.unit)} | ${isHeld(bar) ? 'held' : '**missed**'} |`,
    ),
    '',
    ...(figures.length > 0 ? ['| parts | |', '|---|--:|', ...figures.map(figureLine), ''] : []),
    ...notes.map((note) => `- ${note}`),
    ...errors.map((error) => `- failed: ${error}`),
    '',
  ].join('\n')
}

const percent = (rate: number): string => `${Math.round(rate * 1000) / 10} %`
const ms = (value: number): string => (value < 20 ? value.toFixed(2) : value.toFixed(0))
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const figureLine = ({ what, value, unit }: Figure): string => `| ${what} | ${value === null ? '–' : `${threeDigits(value)} ${unit}`} |`
const threeDigits = (value: number): string => (Math.abs(value) < 1000 ? value.toPrecision(3) : value.toFixed(0))
const amount = (value: number, unit: Bar['unit']): string => `${Math.round(value * 1000) / 1000} ${unit}`.trimEnd()
