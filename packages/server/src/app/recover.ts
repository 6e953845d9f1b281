// What a daemon does before it takes requests: find its machines again, finish or undo what was half done, and remove
// what belongs to nobody.

import type { Machine } from '../domain/machine.ts'
import { Op } from '../observe/op.ts'
import type { Known } from '../host/host.ts'
import { allSnapshotIds } from '../store/tables/snapshots.ts'
import { allMachines } from '../store/tables/machines.ts'
import { stagingUploadIds, updateUpload, uploadsIn } from '../store/tables/uploads.ts'
import type { App } from './context.ts'

const ADOPT_TIMEOUT_MS = 4_000
const SWEEP_TIMEOUT_MS = 60_000

export async function recover(app: App): Promise<void> {
  const all = await allMachines(app.db)
  app.host.learn(all.flatMap(({ id, vmHandle }) => (vmHandle === null ? [] : [{ id, handle: vmHandle }])))
  const machines = all.filter(({ state }) => state === 'running')
  const adopted = await Promise.all(machines.map((machine) => adopt(app, machine)))
  app.log.info({ running: machines.length, adopted: adopted.filter((result) => result === 'adopted').length }, 'machines found again')
  await app.engine.resume((keys, kind, work) => app.lock.tryRunAll(keys, kind, work))
  // Whoever put them in place is gone: they are put in place again when somebody asks.
  for (const id of await uploadsIn(app.db, 'completing')) await updateUpload(app.db, id, { state: 'open' }, ['completing'])
  using op = new Op('sweep', { timeoutMs: SWEEP_TIMEOUT_MS })
  const known = async (): Promise<Known> => ({
    machines: new Map((await allMachines(app.db, ['running'])).map((machine) => [machine.id, machine.vmHandle])),
    snapshots: await allSnapshotIds(app.db),
    uploads: await stagingUploadIds(app.db),
  })
  for (const { kind, name } of await app.host.sweep(op, known)) {
    app.metrics.orphans.inc({ kind })
    app.log.warn({ kind, name }, 'removed a leftover')
  }
}

/** `unknown`: it could not be told now; ask again. Only a VM that is certainly gone makes its machine fail. */
export async function adopt(app: App, machine: Machine): Promise<'adopted' | 'gone' | 'unknown'> {
  if (machine.vmHandle === null) return 'gone'
  using op = new Op(`adopt ${machine.id}`, { timeoutMs: ADOPT_TIMEOUT_MS })
  try {
    return (await app.host.adopt(op, { id: machine.id, slot: machine.slot, handle: machine.vmHandle })) ? 'adopted' : 'gone'
  } catch (error) {
    app.log.error({ err: error, machine: machine.id, op: op.lines }, 'machine could not be adopted yet')
    return 'unknown'
  }
}
