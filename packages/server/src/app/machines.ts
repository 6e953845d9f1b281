// Machines: create, read, list, destroy, as their owner asks for it.

import { AppError } from '@nullspace/contract/errors.ts'
import { machineIds, type MachineId } from '@nullspace/contract/ids.ts'
import { type CreateMachineBody, DEFAULTS } from '@nullspace/contract/machines.ts'
import { isLegal, type MachineState } from '@nullspace/contract/states.ts'
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { whyNot, whyNotBuild } from '../domain/admission.ts'
import type { Machine, Shape } from '../domain/machine.ts'
import type { PageKey } from '../domain/page-key.ts'
import { Op } from '../observe/op.ts'
import { findIdempotency, insertIdempotency } from '../store/tables/idempotency.ts'
import type { Principal } from '../domain/principal.ts'
import { allMachines, findMachine, insertMachine, listMachines as listRows } from '../store/tables/machines.ts'
import { insertOperation } from '../store/tables/operations.ts'
import { type CreateState, createWorkflow } from '../workflows/create.ts'
import { newOperation } from '../workflows/engine.ts'
import type { App } from './context.ts'
import { hostFailure } from './failures.ts'
import { refuseNotBuilt } from './not-built.ts'
import { theTemplate } from './templates.ts'

/** From the request to a usable machine, waiting in line and a first build of the shape included. */
const CREATE_TIMEOUT_MS = 600_000

export interface CreateRequest {
  readonly input: z.output<typeof CreateMachineBody>
  readonly idempotencyKey: string | undefined
}

/** Answers when commands work in the machine. A repeat under the same key joins the first or gets its machine. */
export async function createMachine(app: App, principal: Principal, { input, idempotencyKey }: CreateRequest): Promise<Machine> {
  refuseNotBuilt(input)
  const template = theTemplate(app, input.template)
  const hash = requestHash(input)
  const machine = newMachine(app, principal, input, template.diskMb)
  using op = new Op(`create ${machine.id}`, { timeoutMs: CREATE_TIMEOUT_MS })
  try {
    const earlier = idempotencyKey === undefined ? null : await repeatOf(app, principal, idempotencyKey, hash)
    if (earlier) return earlier
    // Waiting happens before anything is written: who gives up in line leaves nothing to undo.
    await admit(app, machine)
    await app.host.ensureShape(op, machine.shape)
    return await app.starts.pass(op, () => startNew(app, principal, machine, { idempotencyKey, hash }))
  } catch (error) {
    throw hostFailure(error, 'start the machine')
  }
}

/** Refuses what the host has no room for; asked again when its turn has come. */
async function admit(app: App, { shape }: Machine): Promise<void> {
  if (app.lifecycle.draining) throw new AppError('draining', { say: 'The daemon is shutting down.' })
  const room = await app.host.room()
  const others = (await allMachines(app.db, ['running', 'creating'])).map((other) => ({ memoryMb: other.shape.memoryMb }))
  const build = app.host.shapeStatus(shape).state === 'ready' ? null : whyNotBuild(room, shape)
  const full = whyNot(room, shape, others) ?? build
  if (full) throw new AppError('capacity_exceeded', { say: full })
}

/** One transaction for machine, key and journal entry; then the work. */
async function startNew(
  app: App,
  principal: Principal,
  machine: Machine,
  request: { idempotencyKey: string | undefined; hash: string },
): Promise<Machine> {
  const { idempotencyKey, hash } = request
  await admit(app, machine)
  const entry = newOperation<CreateState>(createWorkflow.kind, { machineId: machine.id })
  const work = app.lock.tryRun(machine.id, 'create', async () => {
    try {
      await app.db.transaction().execute(async (tx) => {
        if (idempotencyKey !== undefined) {
          await insertIdempotency(tx, {
            owner_id: principal.ownerId,
            key: idempotencyKey,
            request_hash: hash,
            machine_id: machine.id,
            created_at: machine.createdAt,
          })
        }
        await insertMachine(tx, machine)
        await insertOperation(tx, entry, machine.createdAt)
      })
    } catch (error) {
      // The same key came twice in one instant and the other was first.
      const winner = idempotencyKey === undefined ? null : await repeatOf(app, principal, idempotencyKey, hash)
      if (winner) return winner
      throw error
    }
    await app.engine.run(entry)
    return await theMachine(app, machine.id)
  })
  if (!work) throw new Error(`a new id was taken: ${machine.id}`)
  return work
}

export async function getMachine(app: App, principal: Principal, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine || machine.ownerId !== principal.ownerId || machine.state === 'destroyed') {
    throw noMachine(id)
  }
  return machine
}

/** Also for what is another owner's: that it exists is not told. */
export function noMachine(id: string): AppError {
  return new AppError('machine_not_found', { say: `There is no machine ${id.slice(0, 80)}.` })
}

/** The machine, if `verb` may begin on it now. */
export async function getMachineFor(app: App, principal: Principal, id: string, verb: 'exec'): Promise<Machine> {
  const machine = await getMachine(app, principal, id)
  if (isLegal(verb, machine.state)) return machine
  const why = machine.state === 'error' ? ` because ${machine.errorReason ?? 'it failed'}` : ''
  throw new AppError('machine_not_ready', { say: `Machine ${id} is in state ${machine.state}${why}.`, details: { status: machine.state } })
}

export interface ListRequest {
  readonly states?: readonly MachineState[]
  readonly template?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly after?: PageKey
  readonly limit?: number
}

export interface MachinePage {
  readonly machines: readonly Machine[]
  readonly next: PageKey | null
}

export async function listMachines(app: App, principal: Principal, request: ListRequest): Promise<MachinePage> {
  const { limit } = request
  const rows = await listRows(app.db, { ...request, ownerId: principal.ownerId, ...(limit === undefined ? {} : { limit: limit + 1 }) })
  const machines = limit === undefined ? rows : rows.slice(0, limit)
  const last = machines.at(-1)
  return { machines, next: limit !== undefined && rows.length > limit && last ? { createdAt: last.createdAt, id: last.id } : null }
}

function newMachine(app: App, principal: Principal, input: CreateRequest['input'], templateDiskMb: number): Machine {
  const shape: Shape = { template: input.template, vcpus: input.vcpus, memoryMb: input.memory_mb }
  return {
    id: machineIds.mint(app.random) as MachineId,
    ownerId: principal.ownerId,
    state: 'creating',
    shape,
    // A minimum: a machine is never smaller than its template.
    diskMb: Math.max(input.disk_mb ?? 0, templateDiskMb),
    cwd: input.cwd ?? DEFAULTS.cwd,
    envs: input.envs ?? {},
    metadata: input.metadata ?? {},
    internetAccess: input.internet_access,
    timeoutMs: input.timeout_ms,
    timeoutAction: input.timeout_action ?? 'destroy',
    timeoutAt: null,
    createdAt: app.clock.now(),
    startedAt: null,
    lastActiveAt: null,
    errorReason: null,
    slot: null,
    vmHandle: null,
  }
}

/** The machine an earlier request under this key made; waits for it when that is still at work. Null: the key is new. */
async function repeatOf(app: App, principal: Principal, key: string, hash: string): Promise<Machine | null> {
  const earlier = await findIdempotency(app.db, principal.ownerId, key)
  if (!earlier) return null
  if (earlier.request_hash !== hash) {
    throw new AppError('idempotency_conflict', { say: 'This Idempotency-Key was used for a different request.' })
  }
  await app.lock.inFlight(earlier.machine_id, 'create')
  const machine = await findMachine(app.db, earlier.machine_id)
  if (!machine && (await findIdempotency(app.db, principal.ownerId, key)) === null) return null // it was undone
  if (!machine || machine.state === 'destroyed') {
    throw new AppError('machine_not_found', { say: 'The machine of this Idempotency-Key was destroyed; use a new key for another.' })
  }
  if (machine.state === 'creating')
    throw new AppError('transition_in_progress', { say: 'This create is being undone after a restart; repeat it.' })
  return machine
}

function requestHash(input: CreateRequest['input']): string {
  return createHash('sha256')
    .update(JSON.stringify(['createMachine', input]))
    .digest('hex')
}

async function theMachine(app: App, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine) throw new AppError('machine_not_found', { say: `Machine ${id} was destroyed while it was being created.` })
  return machine
}
