// Resume: asked for by the owner, or by work that comes to a paused machine.

import type { ActorKind } from '@nullspace/contract/events.ts'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import { Op } from '../observe/op.ts'
import { findMachine } from '../store/tables/machines.ts'
import { insertOperation } from '../store/tables/operations.ts'
import { newOperation } from '../workflows/engine.ts'
import { type ResumeState, resumeWorkflow } from '../workflows/resume.ts'
import { admit } from './admission.ts'
import type { App } from './context.ts'
import { hostFailure } from './failures.ts'
import { busy, getMachine, noMachine, notReady, refuseUnready, settledMachine } from './machines.ts'
import { refuseOverQuota } from './quotas.ts'

/** Waiting in line included. */
const RESUME_TIMEOUT_MS = 240_000

export async function resumeMachine(app: App, principal: Principal, id: string): Promise<Machine> {
  await settledMachine(app, principal, id)
  return resume(app, id, 'user')
}

/**
 * The machine, running: wakes it when it is paused and may be woken. Whoever comes while it is being woken waits for
 * that; whoever comes while it is being paused waits for that first.
 */
export async function runningMachine(app: App, principal: Principal, id: string): Promise<Machine> {
  const machine = await getMachine(app, principal, id)
  await app.lock.inFlight(id, 'hibernate')?.catch(() => {})
  const now = app.lock.holder(id) === undefined && machine.state === 'running' ? machine : await getMachine(app, principal, id)
  if (now.state === 'running') return now
  if (now.state === 'paused' && (now.autoResume || app.lock.inFlight(id, 'resume'))) return resume(app, id, 'system')
  if (now.state === 'creating') {
    await app.lock.making(id)
    const made = await getMachine(app, principal, id)
    if (made.state === 'running') return made
  }
  throw notReady(now)
}

async function resume(app: App, id: string, actor: ActorKind): Promise<Machine> {
  const work = app.lock.inFlight(id, 'resume') ?? tryResume(app, id, actor)
  if (!work) throw busy(app, id)
  try {
    await work
  } catch (error) {
    throw hostFailure(error, 'resume the machine')
  }
  const machine = await findMachine(app.db, id)
  if (!machine) throw noMachine(id)
  // What was joined was the undoing of an earlier resume.
  return machine.state === 'paused' ? resume(app, id, actor) : machine
}

function tryResume(app: App, id: string, actor: ActorKind): Promise<void> | null {
  return app.lock.tryRun(id, 'resume', async () => {
    const machine = await findMachine(app.db, id)
    if (!machine) throw noMachine(id)
    refuseUnready(machine, 'resume')
    const { snapshotId, shape } = machine
    if (snapshotId === null) throw new Error(`paused machine ${id} has no snapshot`)
    using op = new Op(`resume ${id}`, { timeoutMs: RESUME_TIMEOUT_MS })
    await admit(app, shape)
    await app.starts.pass(op, async () => {
      const entry = newOperation<ResumeState>(resumeWorkflow.kind, { subject: id, snapshotId, actor })
      await app.db.transaction().execute(async (tx) => {
        await admit(app, shape, { tx })
        await refuseOverQuota(app, tx, machine.ownerId, { vcpus: shape.vcpus, memory_mb: shape.memoryMb })
        await insertOperation(tx, entry, app.clock.now())
        const about = { ownerId: machine.ownerId, actor, machineId: id, snapshotId, metadata: machine.metadata }
        await app.outbox.emit(tx, { ...about, operation: 'resume_from_snapshot', status: 'requested' })
      })
      const rest = await app.engine.run(entry)
      // What is left to do is not waited for: the machine runs.
      if (rest) void app.lock.tryRun(rest.subject, rest.kind, () => app.engine.finish(rest))
    })
  })
}
