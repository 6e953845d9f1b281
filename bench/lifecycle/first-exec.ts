// From a request to the first command's answer: forks, resumes, and creates beside them; and pauses, with what they keep.

import { join } from 'node:path'
import { LASTING } from '../lib/api.ts'
import type { Container } from '../lib/container.ts'
import { grown, stepTimes, type StepTime } from '../lib/metrics.ts'
import { ownBlocks } from '../lib/own-blocks.ts'
import { type Contender, interleave } from '../lib/rounds.ts'
import type { Figure, Findings, Row } from '../lib/report.ts'
import { spareReady } from '../lib/spares.ts'
import { type Bar, ratio } from '../lib/stats.ts'
import { rest, rested } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import type { Context } from './context.ts'
import { BYTES, STOPPED } from './stop.ts'

const MEMORY_BYTES = 256 * 1024 ** 2

export async function measureFirstExecs(context: Context, rounds: number, container: Container): Promise<Findings> {
  const { bare, sparing, record, signal, say } = context
  const { api } = bare
  const source = await usedMachine(bare)
  try {
    const contenders: Contender[] = [
      { name: 'fork', every: 1, once: () => fork(context, source) },
      { name: 'create', every: 1, once: () => createAndRun(context, 'create', bare) },
      {
        name: 'create, spare',
        every: 1,
        async once() {
          const ms = await createAndRun(context, 'create, spare', sparing)
          // Making the next spare must not fall into another's turn.
          await spareReady(sparing.runRoot)
          return ms
        },
      },
      { name: 'pause and resume', every: 1, once: () => pauseAndResume(context) },
      {
        name: 'podman',
        every: 1,
        async once() {
          record.add('podman stop', await rested(container.stop()))
          const ms = await rested(container.startAndRun())
          record.add('podman start', ms)
          return ms
        },
      },
    ]
    await spareReady(sparing.runRoot)
    // What is only slow the first time.
    await interleave([...contenders], { rounds: 1, signal })
    record.clear()
    const before = await api.metrics()
    await interleave(contenders, { rounds, signal, say })
    const steps = stepTimes(before, await api.metrics())
    return findings(context, container, steps)
  } finally {
    await rested(api.destroyMachine(source))
  }
}

async function fork({ bare: { api }, record }: Context, source: string): Promise<number> {
  const before = await api.metrics()
  const startedAt = performance.now()
  const child = await record.time('fork answered', () => api.fork(source))
  try {
    await record.time('first command of a fork', () => api.execTrue(child))
    const ms = performance.now() - startedAt
    record.add('fork', ms)
    const after = await api.metrics()
    record.add('stop at a fork', grown(before, after, `${STOPPED}_sum`) * 1000)
    record.add('stop at a fork: bytes', grown(before, after, `${BYTES}_sum`))
    return ms
  } catch (error) {
    record.fail('fork', error)
    throw error
  } finally {
    await rested(api.destroyMachine(child))
  }
}

async function createAndRun({ record }: Context, name: string, { api }: Context['bare']): Promise<number> {
  const startedAt = performance.now()
  const id = await record.time(`${name} answered`, () => api.createMachine(LASTING))
  try {
    await record.time(`first command of a ${name}`, () => api.execTrue(id))
    const ms = performance.now() - startedAt
    record.add(name, ms)
    return ms
  } catch (error) {
    record.fail(name, error)
    throw error
  } finally {
    await rested(api.destroyMachine(id))
  }
}

/** A fresh machine each time: once woken by a request, once by a command. */
async function pauseAndResume({ bare, record }: Context): Promise<number> {
  const { api } = bare
  // Its parts count in what a create is made of, as the daemon counts them there too.
  const id = await record.time('create answered', () => api.createMachine({ ...LASTING, auto_resume: true, timeout_action: 'hibernate' }))
  try {
    await record.time('first command of a create', () => api.execTrue(id))
    await rest(2)
    const saved = await record.time('pause', () => api.pause(id))
    record.add('pause: kept', saved.size_bytes)
    record.add('pause: blocks', await ownBlocks(join(bare.snapshots, saved.id)))
    await rest()
    const startedAt = performance.now()
    await record.time('resume answered', () => api.resume(id))
    await record.time('first command of a resume', () => api.execTrue(id))
    const ms = performance.now() - startedAt
    record.add('resume', ms)
    await rest(2)
    await api.pause(id)
    await rest()
    await record.time('resume by a command', () => api.execTrue(id))
    return ms
  } finally {
    await rested(api.destroyMachine(id))
  }
}

function findings({ record }: Context, container: Container, steps: readonly StepTime[]): Findings {
  const row = (what: string, name: string, more: Partial<Row> = {}): Row => ({ what, summary: record.summary(name), ...more })
  const against = (name: string, limit: number): Bar => {
    const value = ratio(record.p50(name), record.p50('create'))
    return { name: `${name} → first exec against a plain create, p50`, value, limit, atMost: true, unit: '×' }
  }
  const kept = (name: string): number | null => ratio(record.p50(name), MEMORY_BYTES)
  const saves = container.noCheckpoint === null
  return {
    rows: [
      row('a. the source stands still at a fork, idle', 'stop at a fork'),
      row('b. POST fork → the child’s first `sh -c true` answered', 'fork'),
      row('b. POST fork → answered', 'fork answered'),
      row('b. POST create → first `sh -c true` answered, no spare', 'create'),
      row('b. the same with a spare ready', 'create, spare'),
      row('d. POST resume → first `sh -c true` answered', 'resume'),
      row('d. `sh -c true` to a paused machine → answered (`auto_resume`)', 'resume by a command'),
      row('e. POST hibernate → answered, idle, 256 MiB', 'pause'),
      row('e. what the pause says that it keeps (`size_bytes`)', 'pause: kept', { unit: 'MB' }),
      row('e. blocks on disk that are shared with nothing', 'pause: blocks', { unit: 'MB' }),
      row(saves ? 'i. `podman container checkpoint`' : 'i. `podman stop`', 'podman stop'),
      row(`i. \`podman ${saves ? 'container restore' : 'start'}\` and \`podman exec … sh -c true\``, 'podman start'),
    ],
    bars: [
      { name: 'a. stop at a fork, idle, p50', value: record.p50('stop at a fork') ?? null, limit: 60, atMost: true, unit: 'ms' },
      { ...against('fork', 1.3), name: 'b. fork → first exec against a plain create, p50' },
      { ...against('resume', 1.3), name: 'd. resume → first exec against a plain create, p50' },
      { ...against('resume by a command', 1.3), name: 'd. resume by a command against a plain create, p50' },
      { name: 'e. pause of an idle 256 MiB machine, p50', value: record.p50('pause') ?? null, limit: 300, atMost: true, unit: 'ms' },
      { name: 'e. `size_bytes` of it against its memory, p50', value: kept('pause: kept'), limit: 0.25, atMost: true, unit: '×' },
      { name: 'e. its own blocks against its memory, p50', value: kept('pause: blocks'), limit: 0.25, atMost: true, unit: '×' },
    ],
    figures: [...whereTimeGoes(record, steps)],
    notes: [
      'The parts are means, so that they add up; what is said of create and resume is of all of them, those of d and e included.',
      'b, d, e and i take turns, in an order that rotates. The source of b is one machine that ran a command before; d and e have a fresh one each time, which ran a command and was left alone for 0.6 s.',
      container.noCheckpoint === null
        ? 'i: a container saved and restored by podman and CRIU.'
        : `i: podman could not save a container here (${container.noCheckpoint}). It is stopped and started instead, and keeps nothing of its memory.`,
    ],
  }
}

/** Means, so that parts add up. */
function whereTimeGoes(record: Context['record'], steps: readonly StepTime[]): Figure[] {
  const ways = [
    { what: 'fork', answered: 'fork answered', command: 'first command of a fork', workflows: ['fork', 'branch'] },
    { what: 'create', answered: 'create answered', command: 'first command of a create', workflows: ['create'] },
    { what: 'resume', answered: 'resume answered', command: 'first command of a resume', workflows: ['resume'] },
    { what: 'pause', answered: 'pause', command: null, workflows: ['hibernate', 'park'] },
  ]
  return ways.flatMap(({ what, answered, command, workflows }) => {
    const own = steps.filter(({ workflow }) => workflows.includes(workflow))
    const mean = record.mean(answered)
    const inSteps = own.reduce((sum, { meanMs }) => sum + meanMs, 0)
    return [
      ...own.map(({ workflow, step, meanMs }): Figure => ({ what: `${what}: step ${workflow}.${step}`, value: meanMs, unit: 'ms' })),
      { what: `${what}: the rest of the request`, value: mean === null ? null : mean - inSteps, unit: 'ms' } as const,
      ...(command === null ? [] : [{ what: `${what}: the first command`, value: record.mean(command), unit: 'ms' } as const]),
    ]
  })
}
