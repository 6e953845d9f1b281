// Random lives of real machines against a small model: verbs in any order, some cut off by the death of the daemon.
// A failure names its seed; NULLSPACE_E2E_SEED repeats it, NULLSPACE_E2E_ALL=1 takes longer lives.

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { expectNothingLeft } from './lib/at-rest.ts'
import type { Reply } from './lib/client.ts'
import { expectCounting, readCounter, startCounter } from './lib/counter.ts'
import { Daemon } from './lib/daemon.ts'
import { namesOfVms } from './lib/host.ts'
import { Machine } from './lib/machine.ts'

const daemon = new Daemon({ name: 'lifecycle-random', shapes: [{ vcpus: 1, memory_mb: 256 }] })
const seed = Number(process.env['NULLSPACE_E2E_SEED'] ?? randomInt(2 ** 31))
const LENGTH = process.env['NULLSPACE_E2E_ALL'] === '1' ? 60 : 14
const MOST_MACHINES = 5

/** What must be there: machines with their state, and what each had counted to when it was last known. */
const machines = new Map<string, { status: 'running' | 'paused'; count: number }>()
/** Reusable snapshots with what the machine had counted to at least. */
const snapshots = new Map<string, number>()
const seen = new Set<string>()

interface Plan {
  readonly ask: () => Promise<Reply<unknown>>
  /** What it is done to, and what that is afterwards; left out when it stays what it is. */
  readonly subject: string
  readonly becomes?: 'running' | 'paused' | 'gone'
  readonly makes?: number
  readonly saves?: true
}

const one = <T>(things: readonly T[], pick: number): T | undefined => things[pick % Math.max(1, things.length)]
const those = (status?: 'running' | 'paused'): string[] =>
  [...machines].filter(([, now]) => status === undefined || now.status === status).map(([id]) => id)
const plan = (subject: string | undefined, make: (id: string) => Omit<Plan, 'subject'>): Plan | null =>
  subject === undefined ? null : { subject, ...make(subject) }
const room = (for_: number): boolean => machines.size + for_ <= MOST_MACHINES

const VERBS: Record<string, (pick: number) => Plan | null> = {
  pause: (pick) => plan(one(those('running'), pick), (id) => ({ ask: () => daemon.client.pause(id), becomes: 'paused' })),
  resume: (pick) => plan(one(those('paused'), pick), (id) => ({ ask: () => daemon.client.resume(id), becomes: 'running' })),
  fork: (pick) => (room(2) ? plan(one(those('running'), pick), (id) => ({ ask: () => daemon.client.fork(id, 2), makes: 2 })) : null),
  snapshot: (pick) => plan(one(those(), pick), (id) => ({ ask: () => daemon.client.snapshot(id), saves: true })),
  restore: (pick) =>
    room(1)
      ? plan(one([...snapshots.keys()], pick), (id) => ({
          ask: () => daemon.client.create({ snapshot_id: id, timeout_ms: 3_600_000 }),
          makes: 1,
        }))
      : null,
  forget: (pick) => plan(one([...snapshots.keys()], pick), (id) => ({ ask: () => daemon.client.deleteSnapshot(id), becomes: 'gone' })),
  destroy: (pick) =>
    machines.size > 1 ? plan(one(those(), pick), (id) => ({ ask: () => daemon.client.destroy(id), becomes: 'gone' })) : null,
}

beforeAll(async () => {
  await daemon.start()
  await daemon.shapesReady()
  const { status, body } = await daemon.client.create({ timeout_ms: 3_600_000 })
  expect(status).toBe(201)
  machines.set(body.id, { status: 'running', count: await startCounter(new Machine(daemon.client, body)) })
})
afterAll(() => daemon.remove())
beforeEach(({ onTestFailed }) => onTestFailed(() => void daemon.keepEvidence()))

const steps = fc.record({ verb: fc.constantFrom(...Object.keys(VERBS)), pick: fc.nat(1000), cutOff: fc.constantFrom(false, false, true) })
const [script = []] = fc.sample(fc.array(steps, { minLength: LENGTH, maxLength: LENGTH }), { numRuns: 1, seed })

test(`seed ${seed}`, { timeout: LENGTH * 30_000 }, async () => {
  for (const { verb, pick, cutOff } of script) {
    const todo = possible(verb, pick)
    const said = cutOff ? await cut(todo, pick % 900) : await todo.ask()
    if (said)
      expect({ verb, status: said.status, body: said.body }).toMatchObject({ status: expect.toSatisfy((code: number) => code < 300) })
    await settle(todo, said !== null)
    await expectNothingLeft(daemon, seen)
  }
  for (const id of those('paused')) {
    expect((await daemon.client.resume(id)).status).toBe(200)
    machines.get(id)!.status = 'running' // one of them
  }
  for (const [id, { count }] of machines) await expectCounting(await inHand(id), count)
  for (const id of machines.keys()) expect((await daemon.client.destroy(id)).status).toBe(200)
  for (const id of snapshots.keys()) expect((await daemon.client.deleteSnapshot(id)).status).toBe(204)
  await expectNothingLeft(daemon, seen)
})

/** The verb, or the next that there is anything to do for. */
function possible(verb: string, pick: number): Plan {
  const names = Object.keys(VERBS)
  for (let at = names.indexOf(verb), tried = 0; tried < names.length; tried++) {
    const found = VERBS[names[(at + tried) % names.length] ?? '']?.(pick)
    if (found) return found
  }
  throw new Error('there is nothing left to do')
}

async function inHand(id: string): Promise<Machine> {
  return new Machine(daemon.client, (await daemon.client.get(id)).body)
}

/** The daemon dies at some moment of it. Null: nobody was told what came of it. */
async function cut({ ask }: Plan, afterMs: number): Promise<Reply<unknown> | null> {
  const asked = ask().catch(() => null)
  await sleep(afterMs)
  await daemon.kill()
  for (const name of namesOfVms(daemon.place)) seen.add(name)
  const said = await asked
  await daemon.start()
  return said
}

/** What was acknowledged is so; what was not is so or not, but nothing in between; and nothing else has changed. */
async function settle({ subject, becomes, makes = 0, saves }: Plan, told: boolean): Promise<void> {
  const there = await daemon.client.list()
  const from = machines.get(subject)?.count ?? snapshots.get(subject) ?? 0
  for (const [id, known] of machines) {
    const meant = id === subject ? (becomes ?? known.status) : known.status
    const now = there.find((one) => one.id === id)?.status ?? 'gone'
    expect(told ? [meant] : [known.status, meant]).toContain(now)
    if (now === 'gone') machines.delete(id)
    else if (now === 'running' || now === 'paused') known.status = now
  }
  const born = there.filter(({ id }) => !machines.has(id))
  expect(told ? [makes] : [0, makes]).toContain(born.length)
  for (const { id, status } of born) {
    expect(status).toBe('running')
    machines.set(id, { status: 'running', count: from })
  }
  const own = there.map(({ snapshot_id }) => snapshot_id)
  const saved = (await daemon.client.snapshots()).map(({ id }) => id).filter((id) => !own.includes(id))
  const added = saved.filter((id) => !snapshots.has(id))
  expect(told ? [saves ? 1 : 0] : [0, saves ? 1 : 0]).toContain(added.length)
  for (const id of snapshots.keys()) {
    const meant = id === subject && becomes === 'gone'
    expect(told ? [!meant] : [true, !meant]).toContain(saved.includes(id))
    if (!saved.includes(id)) snapshots.delete(id)
  }
  for (const id of added) snapshots.set(id, from)
  for (const id of [subject, ...born.map((one) => one.id)]) {
    const known = machines.get(id)
    if (known?.status !== 'running') continue
    const count = await readCounter(await inHand(id))
    expect(count).toBeGreaterThanOrEqual(known.count)
    known.count = count
  }
}
