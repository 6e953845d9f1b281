// Create: from a template or from a snapshot to a machine in which commands work.

import { AppError } from '@nullspace/contract/errors.ts'
import type { Machine, Source } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import { Op } from '../observe/op.ts'
import type { Tx } from '../store/db.ts'
import { insertLineage } from '../store/tables/lineage.ts'
import { findMachine, insertMachine } from '../store/tables/machines.ts'
import { insertOperation } from '../store/tables/operations.ts'
import { findSnapshot } from '../store/tables/snapshots.ts'
import { type CreateState, createWorkflow } from '../workflows/create.ts'
import { newOperation } from '../workflows/engine.ts'
import { admit } from './admission.ts'
import type { App } from './context.ts'
import { hostFailure } from './failures.ts'
import { keyed, type Keyed, madeBefore, once, remember } from './idempotency.ts'
import { type CreateInput, fromSnapshot, fromTemplate } from './new-machine.ts'
import { refuseNotBuilt } from './not-built.ts'
import { refuseOverQuota } from './quotas.ts'
import { noSnapshot, reusableSnapshot } from './snapshots.ts'
import { theTemplate } from './templates.ts'

/** From the request to a usable machine, waiting in line and a first build of the shape included. */
const CREATE_TIMEOUT_MS = 600_000

export interface CreateRequest {
  readonly input: CreateInput
  readonly idempotencyKey: string | undefined
}

/** Answers when commands work in the machine. A repeat under the same key joins the first or gets its machine. */
export async function createMachine(app: App, principal: Principal, { input, idempotencyKey }: CreateRequest): Promise<Machine> {
  refuseNotBuilt(input)
  const request = keyed(idempotencyKey, 'createMachine', input)
  try {
    return await once(app, principal, request, {
      earlier: () => repeatOf(app, principal, request),
      make: () => createNew(app, principal, input, request),
    })
  } catch (error) {
    throw hostFailure(error, 'start the machine')
  }
}

async function createNew(app: App, principal: Principal, input: CreateInput, request: Keyed): Promise<Machine> {
  const snapshotId = input.snapshot_id ?? null
  if (snapshotId !== null) {
    const snapshot = await reusableSnapshot(app, principal, snapshotId)
    return app.snapshotUses.during(snapshot.id, () => createFromSnapshot(app, principal, input, snapshot, request))
  }
  const machine = fromTemplate(app, principal, input, theTemplate(app, input.template).diskMb)
  using op = new Op(`create ${machine.id}`, { timeoutMs: CREATE_TIMEOUT_MS })
  // Waiting happens before anything is written: who gives up in line leaves nothing to undo.
  await admit(app, machine.shape, { build: true })
  await app.host.ensureShape(op, machine.shape)
  return await app.starts.pass(op, () => startNew(app, principal, machine, { kind: 'template' }, request))
}

async function createFromSnapshot(
  app: App,
  principal: Principal,
  input: CreateInput,
  snapshot: Snapshot,
  request: Keyed,
): Promise<Machine> {
  const machine = fromSnapshot(app, principal, input, snapshot)
  using op = new Op(`create ${machine.id}`, { timeoutMs: CREATE_TIMEOUT_MS })
  await admit(app, machine.shape)
  return app.starts.pass(op, () => startNew(app, principal, machine, { kind: 'snapshot', id: snapshot.id }, request))
}

/** One transaction for machine, key and journal entry; then the work. */
async function startNew(app: App, principal: Principal, machine: Machine, source: Source, request: Keyed): Promise<Machine> {
  const entry = newOperation<CreateState>(createWorkflow.kind, { subject: machine.id, source })
  const work = app.lock.tryRun(machine.id, 'create', async () => {
    await app.db.transaction().execute(async (tx) => {
      // It may have been deleted before it was held.
      if (source.kind === 'snapshot' && (await findSnapshot(tx, source.id))?.state !== 'ready') throw noSnapshot(source.id)
      await admit(app, machine.shape, { tx })
      await refuseOverQuota(app, tx, machine.ownerId, {
        machines: 1,
        vcpus: machine.shape.vcpus,
        memory_mb: machine.shape.memoryMb,
        disk_mb: machine.diskMb,
      })
      await remember(tx, principal, request, [machine.id], machine.createdAt)
      await insertNew(tx, machine, source.kind)
      await insertOperation(tx, entry, machine.createdAt)
      await app.outbox.emit(tx, {
        ownerId: machine.ownerId,
        operation: 'create',
        status: 'requested',
        actor: 'user',
        machineId: machine.id,
        snapshotId: machine.sourceSnapshotId ?? undefined,
        metadata: machine.metadata,
      })
    })
    await app.engine.run(entry)
    return theMachine(app, machine.id)
  })
  if (!work) throw new Error(`a new id was taken: ${machine.id}`)
  return work
}

/** The machine and where it comes from. */
export async function insertNew(tx: Tx, machine: Machine, origin: 'template' | 'snapshot' | 'fork'): Promise<void> {
  await insertMachine(tx, machine)
  await insertLineage(tx, {
    machine_id: machine.id,
    owner_id: machine.ownerId,
    parent_machine_id: machine.parentMachineId,
    origin,
    snapshot_id: machine.sourceSnapshotId,
    template: machine.shape.template,
    created_at: machine.createdAt,
    destroyed_at: null,
  })
}

/** The machine an earlier request under this key made. Null: the key is new. */
async function repeatOf(app: App, principal: Principal, request: Keyed): Promise<Machine | null> {
  const made = await madeBefore(app, principal, request)
  return made && theRepeated(app, made[0] ?? '')
}

/** What a repeat gets of a machine that the first request made. */
export async function theRepeated(app: App, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine || machine.state === 'destroyed') {
    throw new AppError('machine_not_found', { say: 'The machine of this Idempotency-Key was destroyed; use a new key for another.' })
  }
  if (machine.state === 'creating') {
    throw new AppError('transition_in_progress', { say: 'The first request under this key is being undone; repeat it in a moment.' })
  }
  return machine
}

async function theMachine(app: App, id: string): Promise<Machine> {
  const machine = await findMachine(app.db, id)
  if (!machine) throw new AppError('machine_not_found', { say: `Machine ${id} was destroyed while it was being created.` })
  return machine
}
