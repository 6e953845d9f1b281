// Where the laws of workflows are tested: one world for a file, on which every test begins with nothing and leaves nothing.

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect } from 'vitest'
import { until } from '@nullspace/vmm/exam/until.ts'
import { machineIds, snapshotIds, type MachineId, type SnapshotId } from '@nullspace/contract/ids.ts'
import type { Machine } from '../src/domain/machine.ts'
import { type SnapshotKind, snapshotOf } from '../src/domain/snapshot.ts'
import { findMachine } from '../src/store/tables/machines.ts'
import { insertSnapshot } from '../src/store/tables/snapshots.ts'
import type { WorkflowContext } from '../src/workflows/context.ts'
import type { BaseState } from '../src/workflows/workflow.ts'
import type { Ground } from './laws.ts'
import { createWorld, type World } from './world.ts'

export const random = (bytes: number): Uint8Array => randomBytes(bytes)
export const newMachineId = (): MachineId => machineIds.mint(random) as MachineId

export interface Play<State> {
  /** What is there before the operation; returns the machine that it is about, which has counted to 1, if there is one. */
  prepare(world: World): Promise<string | null>
  /** What its use case writes, and how it begins. */
  begin(world: World, machineId: string): Promise<State>
  /** Rejects unless it came to what it promises. */
  expectDone(world: World, state: State, machineId: string): Promise<void>
}

/** Call it once per file. */
export function useGround(): <State extends BaseState>(play: Play<State>) => () => Promise<Ground<State>> {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
    // The operations of these tests hold no lock; nobody else shall look after them.
    await world.daemon.stop()
  })
  afterAll(() => world[Symbol.asyncDispose]())
  return (play) => () => groundOn(world, play)
}

async function groundOn<State extends BaseState>(world: World, play: Play<State>): Promise<Ground<State>> {
  let machineId = ''
  let state: State
  let before: ReadonlySet<string> = new Set()
  return {
    context: contextOf(world),
    async begin() {
      machineId = (await play.prepare(world)) ?? ''
      before = new Set(await everything(world))
      state = await play.begin(world, machineId)
      return state
    },
    async traces() {
      const now = new Set(await everything(world))
      const more = [...now].filter((trace) => !before.has(trace))
      const less = [...before].filter((trace) => !now.has(trace)).map((trace) => `gone: ${trace}`)
      return [...more, ...less, ...(machineId ? await whatIsWrong(world, machineId) : [])]
    },
    expectDone: () => play.expectDone(world, state, machineId),
    async [Symbol.asyncDispose]() {
      await clearOut(world)
      for (const table of ['machines', 'snapshots', 'lineage'] as const) {
        expect(await world.db.selectFrom(table).selectAll().execute()).toEqual([])
      }
    },
  }
}

export function contextOf(world: World): WorkflowContext {
  const { host, starts, outbox } = world.daemon.app
  return { db: world.db, host, clock: world.clock, random, starts, emit: (tx, event) => outbox.emit(tx, event) }
}

/** As its owner finds out: it counts on, after a resume if it is paused. */
async function whatIsWrong(world: World, id: string): Promise<string[]> {
  const { body } = await world.call('GET', `/v1/machines/${id}`)
  if (body.status === 'paused') await world.call('POST', `/v1/machines/${id}/resume`)
  const count = await world.count(id)
  return count === 2 ? [] : [`${id} counts ${count}`]
}

/** On the host and in the store, but for the journal. */
async function everything(world: World): Promise<string[]> {
  const rows = await Promise.all(
    (['machines', 'snapshots', 'lineage', 'idempotency'] as const).map(async (table) =>
      (await world.db.selectFrom(table).selectAll().execute()).map((row) => `${table} ${JSON.stringify(row)}`),
    ),
  )
  return [...(await world.leftovers()).filter((trace) => !trace.startsWith('journal')), ...rows.flat()]
}

/** Everything of its owner goes, and nothing is left; `then` is for what belongs to nobody. */
export async function clearOut(world: World, then?: () => Promise<void>): Promise<void> {
  for (const { id } of (await world.call('GET', '/v1/machines')).body) await world.call('DELETE', `/v1/machines/${id}`)
  for (const { id } of (await world.call('GET', '/v1/snapshots')).body) await world.call('DELETE', `/v1/snapshots/${id}`)
  await then?.()
  // What a resume or a fork needs no more is removed after its answer.
  await until(
    () => world.leftovers(),
    (left) => left.length === 0,
    { what: 'nothing is left' },
  )
}

/** One that runs and has counted to 1. */
export async function counting(world: World): Promise<string> {
  const { id } = await world.machine()
  expect(await world.count(id)).toBe(1)
  return id
}

export async function theRow(world: World, id: string): Promise<Machine> {
  const row = await findMachine(world.db, id)
  if (!row) throw new Error(`no machine ${id}`)
  return row
}

/** The row of a snapshot that is to be made. */
export async function expectedSnapshot(world: World, machineId: string, kind: SnapshotKind): Promise<SnapshotId> {
  const id = snapshotIds.mint(random) as SnapshotId
  await insertSnapshot(world.db, snapshotOf(await theRow(world, machineId), id, kind, world.clock.now()))
  return id
}
