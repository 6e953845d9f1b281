// Families of machines, for their owner.

import type { LineageNode } from '@nullspace/contract/lifecycle.ts'
import type { Principal } from '../domain/principal.ts'
import { familyOf } from '../store/tables/lineage.ts'
import { findMachine } from '../store/tables/machines.ts'
import type { App } from './context.ts'
import { noMachine } from './machines.ts'

export interface Family {
  readonly machine_id: string
  readonly root_machine_id: string
  readonly nodes: LineageNode[]
}

/** Also of a machine that is gone, while something descends from it. */
export async function getLineage(app: App, principal: Principal, machineId: string): Promise<Family> {
  const family = await familyOf(app.db, machineId)
  const [root] = family
  if (!root || family.some((row) => row.owner_id !== principal.ownerId)) throw noMachine(machineId)
  const nodes = await Promise.all(
    family.map(async (row): Promise<LineageNode> => {
      const machine = row.destroyed_at === null ? await findMachine(app.db, row.machine_id) : null
      return {
        machine_id: row.machine_id,
        ...(row.parent_machine_id === null ? {} : { parent_machine_id: row.parent_machine_id }),
        origin: row.origin,
        ...(row.snapshot_id === null ? {} : { snapshot_id: row.snapshot_id }),
        status: machine?.state ?? 'destroyed',
        template: row.template,
        created_at: new Date(row.created_at).toISOString(),
      }
    }),
  )
  return { machine_id: machineId, root_machine_id: root.machine_id, nodes }
}
