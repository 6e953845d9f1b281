// What the host holds and the store does not know of.

import type { GarbageItem } from '@nullspace/contract/garbage.ts'
import type { Known } from '../host/host.ts'
import { Op } from '../observe/op.ts'
import { allMachines } from '../store/tables/machines.ts'
import { allSnapshotIds } from '../store/tables/snapshots.ts'
import { stagingUploadIds } from '../store/tables/uploads.ts'
import type { App } from './context.ts'

const SWEEP_TIMEOUT_MS = 60_000

/** Machines that are only just being made, or taken down, are known as well: their operations deal with them. */
export async function collectGarbage(app: App, dryRun: boolean): Promise<GarbageItem[]> {
  using op = new Op('collect garbage', { timeoutMs: SWEEP_TIMEOUT_MS })
  const known = async (): Promise<Known> => ({
    machines: new Map((await allMachines(app.db)).map((machine) => [machine.id, machine.vmHandle])),
    snapshots: await allSnapshotIds(app.db),
    uploads: await stagingUploadIds(app.db),
  })
  const items = dryRun ? await app.host.leftovers(known) : await app.host.sweep(op, known)
  return items.map((item) => ({ ...item }))
}
