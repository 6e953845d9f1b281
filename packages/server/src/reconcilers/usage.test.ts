// Who has its turn when.

import type { MachineId, OwnerId } from '@nullspace/contract/ids.ts'
import type { MachineState } from '@nullspace/contract/states.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { App } from '../app/context.ts'
import type { Machine } from '../domain/machine.ts'
import { silentLogger } from '../observe/logger.ts'
import { type Db, openDb } from '../store/db.ts'
import { insertMachine, updateMachine } from '../store/tables/machines.ts'
import { KeyedLock } from '../workflows/keyed-lock.ts'
import { usage } from './usage.ts'

const START = 1_800_000_000_000
let db: Db
let now: number
let sampled: { id: string; at: number }[]
let kept: ReadonlySet<string>
let lock: KeyedLock

beforeEach(async () => {
  db = await openDb(':memory:')
  now = START
  sampled = []
  lock = new KeyedLock()
  await db.insertInto('owners').values({ id: 'own_a', name: 'a', created_at: now, quota: null }).execute()
})
afterEach(() => db.destroy())

async function machine(id: string, state: MachineState = 'running'): Promise<void> {
  const base = {
    ownerId: 'own_a' as OwnerId,
    shape: { template: 'base', vcpus: 1, memoryMb: 256 },
    diskMb: 4096,
    cwd: '/',
    envs: {},
    metadata: {},
  }
  const times = {
    timeoutMs: 1000,
    timeoutAction: 'destroy',
    timeoutAt: null,
    createdAt: now,
    startedAt: null,
    lastActiveAt: null,
    pausedAt: null,
  } as const
  const rest = {
    internetAccess: false,
    errorReason: null,
    slot: null,
    vmHandle: null,
    autoResume: false,
    ephemeral: false,
    inactivityTimeoutMs: null,
  }
  const from = { autoDeleteAfterMs: null, snapshotId: null, parentMachineId: null, sourceSnapshotId: null }
  await insertMachine(db, { id: id as MachineId, state, ...base, ...times, ...rest, ...from })
}

const app = () =>
  ({
    db,
    lock,
    clock: { now: () => now },
    log: silentLogger(),
    usage: {
      everyMs: 5_000,
      sample: async ({ id }: Machine) => void sampled.push({ id, at: now - START }),
      keepOnly: (ids: ReadonlySet<string>) => void (kept = ids),
    },
  }) as unknown as App

test('each once per interval, spread over it', async () => {
  const ids = Array.from({ length: 40 }, (_, n) => `mch_${String(n).padStart(20, 'a')}`)
  for (const id of ids) await machine(id)
  const reconciler = usage(app())
  for (; now < START + 30_000; now += 1_000) await reconciler.run()
  for (const id of ids) {
    const turns = sampled.filter((turn) => turn.id === id).map(({ at }) => at)
    expect(turns.length).toBeGreaterThanOrEqual(5)
    for (const [index, at] of turns.slice(1).entries()) expect([4_000, 5_000, 6_000]).toContain(at - turns[index]!)
  }
  const perRun = Object.values(Object.groupBy(sampled, ({ at }) => at)).map((turns) => turns?.length ?? 0)
  expect(Math.max(...perRun)).toBeLessThan(20)
})

test('only what runs and is not being changed; missed turns are not made up for; what is gone is forgotten', async () => {
  await machine('mch_run')
  await machine('mch_paused', 'paused')
  await machine('mch_error', 'error')
  await machine('mch_gone', 'destroyed')
  const reconciler = usage(app())
  await reconciler.run()
  now += 60_000
  const done = Promise.withResolvers<void>()
  const work = lock.tryRun('mch_run', 'hibernate', () => done.promise)
  await reconciler.run()
  expect(sampled).toEqual([])
  done.resolve()
  await work
  now += 60_000
  for (let n = 0; n < 3; n++) await reconciler.run()
  expect(sampled.map(({ id }) => id)).toEqual(['mch_run'])
  expect(kept).toEqual(new Set(['mch_run', 'mch_paused', 'mch_error']))
  await updateMachine(db, 'mch_run', { state: 'paused' })
  now += 60_000
  await reconciler.run()
  expect(sampled).toHaveLength(1)
})

test('a clock that is set back costs one interval; and a guest that does not answer holds up no look', async () => {
  await machine('mch_run')
  const hanging = app()
  const reconciler = usage({
    ...hanging,
    usage: {
      ...hanging.usage,
      everyMs: 5_000,
      keepOnly: () => {},
      sample({ id }: Machine) {
        sampled.push({ id, at: now })
        return new Promise(() => {})
      },
    },
  } as unknown as App)
  for (let n = 0; n < 6; n++, now += 1_000) await reconciler.run()
  expect(sampled).toHaveLength(1)
  now -= 86_400_000
  for (let n = 0; n < 7; n++, now += 1_000) await reconciler.run()
  expect(sampled.length).toBeGreaterThan(1)
})
