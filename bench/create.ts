// How long a machine takes from the request to its first command, beside a container and a cold boot, in one run.

import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { qemuDriver } from '@nullspace/vmm/qemu/driver.ts'
import type { Api } from './lib/api.ts'
import { agentNothing, agentTrue, bootCold } from './lib/cold.ts'
import { startDaemon } from './lib/daemon.ts'
import { hostFacts, load } from './lib/host-facts.ts'
import { prepareHost } from './lib/image.ts'
import { interruption } from './lib/interruption.ts'
import { preparePodman } from './lib/podman.ts'
import { writeReport } from './lib/report.ts'
import { type Attempts, type Contender, interleave } from './lib/rounds.ts'
import { spareReady } from './lib/spares.ts'
import { isHeld, ratio, summarise } from './lib/stats.ts'
import { rest, rested, timed } from './lib/timing.ts'

export interface CreateOptions {
  readonly rounds: number
  readonly coldBoots: number
  readonly execs: number
  readonly crowds: number
  readonly name: string
}

const CROWD = 10
/** Requests before the daemon's code is as fast as it gets. */
const WARM_UP = 500
/** Warm commands in one turn. */
const IN_A_ROW = 10

type Say = (line: string) => void

/** True when every bar was held. */
export async function benchCreate(options: CreateOptions, say: Say): Promise<boolean> {
  const imageDir = await prepareHost(say)
  const podman = await preparePodman(say)
  const signal = interruption()
  const dir = await mkdtemp(join(tmpdir(), 'nsb-'))
  // Hypervisors run as users of their own and pass through it to their files.
  await chmod(dir, 0o711)
  const startedAt = new Date()
  try {
    await using bare = await startDaemon({ dir, imageDir, spares: 0, say })
    await using daemon = await startDaemon({ dir, imageDir, spares: 1, say })
    const { accelerator } = daemon.status
    const driver = qemuDriver({ stateDir: dir, accelerator: accelerator === 'kvm' ? 'kvm' : 'tcg', cgroup: null })
    try {
      const { api } = daemon
      const host = await hostFacts({ accelerator, podman: podman.version, runtime: podman.runtime })
      const before = load()
      const clock = performance.now()

      const contenders: Contender[] = [
        {
          name: 'create',
          every: 1,
          async once() {
            const ms = await createAndRun(api)
            // Making the next spare must not fall into another's turn.
            await spareReady(daemon.runRoot)
            return ms
          },
        },
        { name: 'restore', every: 1, once: () => createAndRun(bare.api) },
        {
          name: 'cold boot',
          every: Math.max(1, Math.floor(options.rounds / options.coldBoots)),
          once: () => coldBoot(driver, dir, imageDir),
        },
        { name: 'podman', every: 1, once: () => rested(podman.runTrue()) },
      ]
      await spareReady(daemon.runRoot)
      await createAndRun(bare.api)
      const results = await interleave(contenders, { rounds: options.rounds, signal, say })
      const overhead = await warmExecs(api, driver, { dir, imageDir, execs: options.execs, signal, say })
      const crowd = await crowds(api, options.crowds, { signal, say })

      const [create, restore, cold, container] = ['create', 'restore', 'cold boot', 'podman'].map((name) =>
        summarise(results.get(name)?.times ?? []),
      )
      const [http, agent, httpNothing, nothing, first, last] = [
        overhead.http,
        overhead.agent,
        overhead.httpNothing,
        overhead.agentNothing,
        crowd.each,
        crowd.last,
      ].map(({ times }) => summarise(times))
      if (!create || !restore || !cold || !container || !http || !agent || !httpNothing || !nothing || !first || !last)
        throw new Error('a series is missing')
      const p50 = (summary: typeof create): number | undefined => summary.times?.p50
      const difference = (key: 'p50' | 'p99'): number | null =>
        httpNothing.times && nothing.times ? httpNothing.times[key] - nothing.times[key] : null
      const bars = [
        { name: 'create → first exec against podman, p50', value: ratio(p50(create), p50(container)), limit: 1.6, atMost: true, unit: '×' },
        { name: 'the same without a spare, p50', value: ratio(p50(restore), p50(container)), limit: 1.6, atMost: true, unit: '×' },
        { name: 'create → first exec against cold boot, p50', value: ratio(p50(create), p50(cold)), limit: 0.1, atMost: true, unit: '×' },
        { name: 'API overhead on a command, p50', value: difference('p50'), limit: 2, atMost: true, unit: 'ms' },
        { name: `${CROWD} creates at once that succeed`, value: first.successRate * 100, limit: 100, atMost: false, unit: '%' },
      ] as const
      const series = {
        create: results.get('create')!,
        restore: results.get('restore')!,
        cold_boot: results.get('cold boot')!,
        podman: results.get('podman')!,
        exec_http: overhead.http,
        nothing_http: overhead.httpNothing,
        nothing_agent: overhead.agentNothing,
        exec_agent: overhead.agent,
        crowd_each: crowd.each,
        crowd_last: crowd.last,
      } // made by interleave
      const page = await writeReport(options.name, {
        benchmark: 'create',
        startedAt: startedAt.toISOString(),
        seconds: (performance.now() - clock) / 1000,
        host,
        load: { before, after: load() },
        rows: [
          { what: 'a. POST create → first `sh -c true` answered, a spare machine ready (the default)', summary: create },
          { what: 'a. the same without spares: a restore', summary: restore },
          { what: 'b. cold boot → the same', summary: cold },
          { what: 'c. `podman run --rm --network=none … sh -c true`', summary: container },
          { what: 'd. warm `sh -c true`, HTTP keep-alive', summary: http },
          { what: 'd. warm `sh -c true`, agent channel alone', summary: agent },
          { what: 'd. a program that is not there, HTTP keep-alive', summary: httpNothing },
          { what: 'd. a program that is not there, agent channel alone', summary: nothing },
          { what: `e. ${CROWD} at once: create → first exec, each`, summary: first },
          { what: `e. ${CROWD} at once: time to the last`, summary: last },
        ],
        bars,
        notes: [
          `a, b and c take turns in ${options.rounds} rounds, in an order that rotates${options.coldBoots < options.rounds ? `; b in ${options.coldBoots} of them only, for it takes seconds` : ''}.`,
          'Destroying is outside the clock. The files of b are made before its clock starts, those of a within it.',
          `API overhead is the difference of the two rows without a process (at p99: ${difference('p99')?.toFixed(2) ?? '–'} ms): a process costs the guest tens of milliseconds under emulation, and its noise is larger than what is measured.`,
        ],
        errors: Object.entries(series).flatMap(([name, { errors }]) => errors.map((error) => `${name}: ${error}`)),
        raw: Object.fromEntries(Object.entries(series).map(([name, { times }]) => [name, times.map((time) => time ?? null)])),
      })
      process.stdout.write(`\n${page}`)
      return bars.every(isHeld)
    } finally {
      await driver.close()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function createAndRun(api: Api): Promise<number> {
  const startedAt = performance.now()
  const id = await api.createMachine()
  try {
    await api.execTrue(id)
    return performance.now() - startedAt
  } finally {
    await rested(api.destroyMachine(id))
  }
}

async function coldBoot(driver: ReturnType<typeof qemuDriver>, dir: string, imageDir: string): Promise<number> {
  await using machine = await bootCold(driver, { dir, imageDir })
  return machine.ms
}

/** A command over HTTP and over the agent's channel in turn, in two machines of the same image; the same without a process. */
async function warmExecs(
  api: Api,
  driver: ReturnType<typeof qemuDriver>,
  { dir, imageDir, execs, signal, say }: { dir: string; imageDir: string; execs: number; signal: AbortSignal; say: Say },
): Promise<Record<'http' | 'agent' | 'httpNothing' | 'agentNothing', Attempts>> {
  await using machine = await bootCold(driver, { dir, imageDir })
  const { guest } = machine
  const id = await api.createMachine()
  try {
    const ways = {
      http: () => api.execTrue(id),
      agent: () => agentTrue(guest),
      httpNothing: () => api.execNothing(id),
      agentNothing: () => agentNothing(guest),
    }
    const contenders = Object.entries(ways).map(([name, way]) => ({ name, every: 1, inARow: IN_A_ROW, once: () => timed(way) }))
    say(`warm exec: ${execs} each`)
    // The daemon's code is compiled as it is used, and the guest's translated.
    for (let i = 0; i < WARM_UP; i++) await api.execNothing(id)
    await interleave(contenders, { rounds: 3, signal })
    const results = await interleave(contenders, { rounds: Math.ceil(execs / IN_A_ROW), signal })
    return Object.fromEntries(results) as Record<keyof typeof ways, Attempts>
  } finally {
    await rested(api.destroyMachine(id))
  }
}

async function crowds(
  api: Api,
  times: number,
  { signal, say }: { signal: AbortSignal; say: Say },
): Promise<{ each: Attempts; last: Attempts }> {
  const each: Attempts = { times: [], errors: [] }
  const last: Attempts = { times: [], errors: [] }
  for (let turn = 1; turn <= times; turn++) {
    signal.throwIfAborted()
    const startedAt = performance.now()
    const ended = await Promise.allSettled(
      Array.from({ length: CROWD }, async () => {
        await api.execTrue(await api.createMachine())
        return performance.now() - startedAt
      }),
    )
    last.times.push(ended.every(({ status }) => status === 'fulfilled') ? performance.now() - startedAt : undefined)
    for (const one of ended) {
      each.times.push(one.status === 'fulfilled' ? one.value : undefined)
      if (one.status === 'rejected') each.errors.push(String(one.reason))
    }
    say(`${CROWD} at once, ${turn}/${times}: ${last.times.at(-1)?.toFixed(0) ?? 'not all'} ms`)
    await Promise.all((await api.listMachines()).map((id) => api.destroyMachine(id)))
    await rest(10)
  }
  return { each, last }
}
