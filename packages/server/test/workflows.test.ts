import { randomBytes } from 'node:crypto'
import { machineIds, type MachineId, type OwnerId } from '@nullspace/contract/ids.ts'
import { expect } from 'vitest'
import type { Machine } from '../src/domain/machine.ts'
import { findMachine, insertMachine, updateMachine } from '../src/store/tables/machines.ts'
import { createWorkflow, type CreateState } from '../src/workflows/create.ts'
import { describeWorkflow, type Ground } from './laws.ts'
import { destroyWorkflow, failWorkflow, type FailState, type TeardownState } from '../src/workflows/teardown.ts'
import { createWorld, type World } from './world.ts'

interface Setting {
  readonly world: World
  readonly id: MachineId
  row(): Promise<Machine | null>
}

async function ground<State>(
  begin: (setting: Setting) => Promise<State>,
  expectDone: (setting: Setting) => Promise<void>,
): Promise<Ground<State>> {
  const world = await createWorld()
  const random = (bytes: number): Uint8Array => randomBytes(bytes)
  const id = machineIds.mint(random) as MachineId
  const setting: Setting = { world, id, row: () => findMachine(world.db, id) }
  const { host } = world.daemon.app
  return {
    context: { db: world.db, host, clock: world.clock, random },
    begin: () => begin(setting),
    async traces() {
      const row = await setting.row()
      return [...(await world.leftovers()).filter((trace) => !trace.startsWith('journal')), ...(row ? [`row in state ${row.state}`] : [])]
    },
    expectDone: () => expectDone(setting),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

async function record({ world, id }: Setting): Promise<void> {
  const machine: Machine = {
    id,
    ownerId: world.key.ownerId satisfies OwnerId,
    state: 'creating',
    shape: { template: 'base', vcpus: 1, memoryMb: 256 },
    diskMb: 4096,
    cwd: '/workspace',
    envs: {},
    metadata: {},
    internetAccess: true,
    timeoutMs: 60_000,
    timeoutAction: 'destroy',
    timeoutAt: null,
    createdAt: world.clock.now(),
    startedAt: null,
    lastActiveAt: null,
    errorReason: null,
    slot: null,
    vmHandle: null,
  }
  await insertMachine(world.db, machine)
}

describeWorkflow<CreateState>(createWorkflow, () =>
  ground<CreateState>(
    async (setting) => {
      await record(setting)
      return { machineId: setting.id }
    },
    async ({ world, id, row }) => {
      expect(await row()).toMatchObject({ state: 'running', vmHandle: expect.stringContaining(id), timeoutAt: world.clock.now() + 60_000 })
      expect([...world.vms.vms.keys()]).toEqual([id])
    },
  ),
)

/** A machine that runs, and the last thing its use case writes before the take-down begins. */
async function running(world: World, change: Partial<Machine>): Promise<{ machineId: string; slot: number | null }> {
  const { id } = await world.machine()
  const { slot } = (await findMachine(world.db, id))! // just made
  await updateMachine(world.db, id, change)
  return { machineId: id, slot }
}

const nothingButJournal = async (world: World): Promise<string[]> =>
  (await world.leftovers()).filter((trace) => !trace.startsWith('journal'))

describeWorkflow<TeardownState>(destroyWorkflow, () =>
  ground<TeardownState>(
    ({ world }) => running(world, { state: 'destroyed' }),
    async ({ world }) => {
      expect(await nothingButJournal(world)).toEqual([])
      expect(await world.db.selectFrom('machines').selectAll().execute()).toEqual([])
    },
  ),
)

describeWorkflow<FailState>(failWorkflow, () =>
  ground<FailState>(
    async ({ world }) => ({ ...(await running(world, { state: 'error' })), reason: 'it fell over' }),
    async ({ world }) => {
      expect(await nothingButJournal(world)).toEqual([])
      const rows = await world.db.selectFrom('machines').select(['state', 'error_reason', 'vm_handle', 'slot']).execute()
      expect(rows).toEqual([{ state: 'error', error_reason: 'it fell over', vm_handle: null, slot: null }])
    },
  ),
)
