// Who came from whom. A row outlives its machine for as long as anything descends from it.

import type { Db, Tx } from '../db.ts'
import type { LineageTable } from '../schema.ts'

export async function insertLineage(tx: Tx, row: LineageTable): Promise<void> {
  await tx.insertInto('lineage').values(row).execute()
}

/** For a machine that was never handed out; and for its ancestors, where it was all that was left of them. */
export async function deleteLineage(tx: Tx, machineId: string): Promise<void> {
  const row = await tx.selectFrom('lineage').select('parent_machine_id').where('machine_id', '=', machineId).executeTakeFirst()
  await deleteRow(tx, machineId)
  await forgetDead(tx, row?.parent_machine_id ?? null)
}

/** Marks the end of a machine, and forgets the dead that nothing alive descends from. */
export async function endLineage(tx: Tx, machineId: string, now: number): Promise<void> {
  await tx.updateTable('lineage').set({ destroyed_at: now }).where('machine_id', '=', machineId).execute()
  await forgetDead(tx, machineId)
}

async function forgetDead(tx: Tx, from: string | null): Promise<void> {
  for (let id = from; id !== null;) {
    const row: LineageTable | undefined = await tx.selectFrom('lineage').selectAll().where('machine_id', '=', id).executeTakeFirst()
    if (!row || row.destroyed_at === null) return
    const child = await tx.selectFrom('lineage').select('machine_id').where('parent_machine_id', '=', id).executeTakeFirst()
    if (child) return
    await deleteRow(tx, id)
    id = row.parent_machine_id
  }
}

/** Everything in the family of this machine, the root first; empty when it has no row. */
export async function familyOf(db: Db, machineId: string): Promise<LineageTable[]> {
  let root: LineageTable | undefined
  for (let id: string | null = machineId; id !== null;) {
    const row: LineageTable | undefined = await db.selectFrom('lineage').selectAll().where('machine_id', '=', id).executeTakeFirst()
    if (!row) break
    root = row
    id = row.parent_machine_id
  }
  if (!root) return []
  const family = [root]
  for (let generation = [root.machine_id]; generation.length > 0;) {
    const children: LineageTable[] = await db
      .selectFrom('lineage')
      .selectAll()
      .where('parent_machine_id', 'in', generation)
      .orderBy('created_at')
      .orderBy('machine_id')
      .execute()
    family.push(...children)
    generation = children.map((child) => child.machine_id)
  }
  return family
}

async function deleteRow(tx: Tx, machineId: string): Promise<void> {
  await tx.deleteFrom('lineage').where('machine_id', '=', machineId).execute()
}
