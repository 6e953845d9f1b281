// A user's memory belongs to root and is open to nobody. A hypervisor can only open it by its name, and as the user it
// runs as; so the file is that user's for the moment in which its VM is started, and root's again before the guest runs.

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { DriverError } from '../errors.ts'
import type { Op } from '../op.ts'
import type { VmSpec } from '../driver.ts'
import { isRoot } from './access.ts'
import { Turns } from './turns.ts'

export interface Lent extends AsyncDisposable {
  /** Harmless twice. */
  takeBack(): Promise<void>
}

export const notLent: Lent = { takeBack: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() }

/** By device and inode, since a file may have several names. */
const turns = new Turns()

/** One VM at a time has the file. What a daemon that died left lent is set right by the next to be lent to. */
export async function lend(op: Op, path: string, { uid, gid }: Pick<VmSpec, 'uid' | 'gid'>): Promise<Lent> {
  if (!isRoot()) return notLent
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new DriverError('bad_snapshot', `The memory file cannot be opened: ${path}`, { cause })
  })
  let endTurn: () => void
  try {
    const { dev, ino } = await file.stat({ bigint: true })
    endTurn = await turns.take(op, `${dev}:${ino}`)
  } catch (error) {
    await file.close()
    throw error
  }
  let back: Promise<void> | null = null
  const takeBack = (): Promise<void> => (back ??= giveBack())
  const giveBack = async (): Promise<void> => {
    try {
      await file.chown(0, 0)
    } finally {
      endTurn()
      await file.close()
    }
  }
  try {
    await file.chmod(0o600)
    await file.chown(uid, gid)
  } catch (error) {
    await takeBack()
    throw error
  }
  return { takeBack, [Symbol.asyncDispose]: takeBack }
}
