// Working in a machine: whatever comes to it from outside holds it in use, and wakes it when that is allowed.

import { AppError } from '@nullspace/contract/errors.ts'
import type { Guest } from '../host/guest/guest.ts'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import { findMachine } from '../store/tables/machines.ts'
import type { App } from './context.ts'
import { guestFailure } from './failures.ts'
import { getMachine, noMachine } from './machines.ts'
import { runningMachine } from './resume.ts'

export interface Use extends Disposable {
  readonly machine: Machine
  readonly guest: Guest
}

/** While it is held an idle time that ends does not end the machine. Dispose of it when the work is done. */
export async function useMachine(app: App, principal: Principal, machineId: string): Promise<Use> {
  // Whose it is comes first: nobody keeps another's machine awake.
  await getMachine(app, principal, machineId)
  const lease = app.activity.lease(machineId, () => app.clock.now())
  try {
    const machine = await runningMachine(app, principal, machineId)
    refuseHeld(app, machineId)
    const guest = app.host.guest(machineId)
    if (!guest) throw new AppError('machine_not_ready', { say: `Machine ${machineId} is not running any more.` })
    return { machine, guest, [Symbol.dispose]: () => lease[Symbol.dispose]() }
  } catch (error) {
    lease[Symbol.dispose]()
    throw error
  }
}

/** Why work in a machine came to nothing; what became of the machine meanwhile is part of it. */
export async function workFailure(app: App, machineId: string, error: unknown): Promise<AppError> {
  if (isHeld(app, machineId)) return heldError(app, machineId, error)
  const now = await findMachine(app.db, machineId)
  if (!now || now.state === 'destroyed') return noMachine(machineId)
  if (now.state === 'paused' || app.lock.inFlight(machineId, 'hibernate')) {
    return new AppError('machine_not_ready', {
      say: `Machine ${machineId} was paused while this ran in it. What had begun goes on when it is resumed, without anybody to report to.`,
      details: { status: 'paused' },
      cause: error,
    })
  }
  return guestFailure(error, machineId)
}

function refuseHeld(app: App, machineId: string): void {
  if (isHeld(app, machineId)) throw heldError(app, machineId)
}

const isHeld = (app: App, machineId: string): boolean => app.host.held(machineId) !== null

/** A machine whose disk the host cannot write stands still: whoever waits for it should know why. */
function heldError(app: App, machineId: string, cause?: unknown): AppError {
  const what = app.host.held(machineId) === 'disk_full' ? 'the disk of the host is full' : 'the disk of the host cannot be written'
  return new AppError('insufficient_storage', {
    say: `Machine ${machineId} stands still because ${what}; it goes on by itself when that is mended.`,
    cause,
  })
}
