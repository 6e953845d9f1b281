// What lies on this host and belongs to nothing that the store knows: finding it, saying why, removing it.

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver } from '@nullspace/vmm/driver.ts'
import type { Op } from '../observe/op.ts'
import type { Known, Leftover } from './host.ts'
import { allocatedBytes, bodyFiles } from './saved/files.ts'
import { snapshotOf, type SnapshotStore } from './saved/store.ts'
import { stagedBytes, stagingIn } from './staging.ts'
import type { TemplateLibrary } from './templates/library.ts'

export interface Places {
  readonly driver: Driver
  readonly library: TemplateLibrary
  readonly snapshots: SnapshotStore
  /** Directory of machines' bodies. */
  readonly machines: string
  /** Directory of what is staged of uploads. */
  readonly uploads: string
  readonly runRoot: string
  readonly isRunning: (id: string) => boolean
}

/** Bodies of machines, spares and golden guests; a process can call itself anything. */
const OUR_NAME = /^(mch_[a-z2-7]+|spare-[0-9a-f-]+|golden-[0-9a-f-]+)$/
const isGolden = (id: string): boolean => id.startsWith('golden')

/** `known` is asked after everything was listed: what is there by then was known to the store before it was on the host. */
export async function findLeftovers(places: Places, known: () => Promise<Known>): Promise<Leftover[]> {
  const listed = await list(places)
  const found = await unknownOf(places, listed, await known())
  if (found.length === 0) return []
  // What went while we looked, and its row with it, is no leftover. A name never comes back.
  const left = await list(places)
  return found.filter(({ kind, name }) => {
    if (kind === 'machine') return left.bodies.includes(name)
    if (kind === 'snapshot') return left.saved.includes(name)
    return kind === 'upload' ? left.staged.includes(name) : left.vms.has(name)
  })
}

interface Listed {
  readonly vms: ReadonlySet<string>
  readonly bodies: readonly string[]
  readonly saved: readonly string[]
  readonly staged: readonly string[]
}

async function list({ driver, snapshots, machines, uploads, runRoot }: Places): Promise<Listed> {
  return {
    vms: new Set([...(await driver.list(runRoot)), ...(await namesIn(join(runRoot, 'vm')))]),
    bodies: await namesIn(machines),
    saved: await namesIn(snapshots.root),
    staged: await namesIn(uploads),
  }
}

async function unknownOf(places: Places, { vms, bodies, saved, staged }: Listed, store: Known): Promise<Leftover[]> {
  const { library, snapshots, machines, uploads, isRunning } = places
  const found: Leftover[] = []
  for (const id of vms) {
    if (store.machines.has(id) || isRunning(id) || !OUR_NAME.test(id)) continue
    if (isGolden(id) && library.busy()) continue
    found.push({ kind: isGolden(id) ? 'build' : 'vm', name: id, bytes: 0, reason: 'no machine has this VM' })
  }
  for (const name of bodies) {
    if (store.machines.has(name)) continue
    const bytes = await allocatedBytes(bodyFiles(join(machines, name)).disk)
    found.push({ kind: 'machine', name, bytes, reason: 'there is no such machine' })
  }
  for (const name of saved) {
    const id = snapshotOf(name)
    if (store.snapshots.has(id)) continue
    const reason = id === name ? 'there is no such snapshot' : 'it was never finished'
    found.push({ kind: 'snapshot', name, bytes: await snapshots.bytesOf(name), reason })
  }
  for (const name of staged) {
    if (store.uploads.has(name)) continue
    found.push({ kind: 'upload', name, bytes: await stagedBytes(join(uploads, name)), reason: 'there is no such upload, or it is over' })
  }
  return found
}

export async function removeLeftover(op: Op, places: Places, { kind, name }: Leftover): Promise<void> {
  const { driver, snapshots, machines, uploads, runRoot } = places
  if (kind === 'vm') await driver.sweep(op, { id: name, dir: join(runRoot, 'vm', name) })
  else if (kind === 'build') await driver.sweep(op, { id: name, dir: join(runRoot, 'golden') })
  else if (kind === 'machine') await rm(join(machines, name), { recursive: true, force: true })
  else if (kind === 'snapshot') await snapshots.remove(name)
  else if (kind === 'upload') await stagingIn(uploads).drop(name)
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? [] : Promise.reject(error)))
}
