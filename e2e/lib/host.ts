// What one daemon has on this host, found by looking at the host and not by asking the daemon.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** Where a daemon keeps its things; it says so itself in the first line of its log. */
export interface Place {
  readonly dataDir: string
  /** Four hex digits in every name that the daemon gives to something on the host. */
  readonly instance: string
  readonly runRoot: string
  readonly uidBase: number
  readonly gid: number
}

/** A VM of the daemon: a machine's, a spare one, or one in which a template is being built. */
export interface Hypervisor {
  readonly pid: number
  /** Also of its run directory, disk and control group. A machine that was made from a spare VM keeps that one's. */
  readonly name: string
  /** Directory with its sockets. */
  readonly dir: string
}

const UIDS_PER_INSTANCE = 4096
const CGROUPS = '/sys/fs/cgroup'

export function hypervisors({ runRoot }: Place): Hypervisor[] {
  return processes().flatMap((pid) => {
    const args = read(`/proc/${pid}/cmdline`).split('\0')
    const dir = args.map((arg) => /^unix:(.*)\/q,server=on/.exec(arg)?.[1]).find((found) => found?.startsWith(`${runRoot}/`))
    const name = args[args.indexOf('-name') + 1]
    return dir && name ? [{ pid, name, dir }] : []
  })
}

/** The VM of a machine; only the daemon's database tells which it is. */
export function hypervisorOf(place: Place, machine: string): Hypervisor {
  using db = new DatabaseSync(join(place.dataDir, 'nullspace.db'), { readOnly: true })
  const row = db.prepare('select vm_handle from machines where id = ?').get(machine)
  const { pid } = JSON.parse(String(row?.['vm_handle'])) as { pid: number }
  const found = hypervisors(place).find((one) => one.pid === pid)
  if (!found) throw new Error(`no hypervisor runs for ${machine}`)
  return found
}

/** Whatever the host has under a VM's name. */
export function namesOfVms(place: Place): Set<string> {
  return new Set([
    ...hypervisors(place).map(({ name }) => name),
    ...entries(join(place.runRoot, 'vm')),
    ...entries(join(place.dataDir, 'pool/machines')),
  ])
}

export interface Expected {
  /** VMs that may be there. */
  readonly kept?: readonly string[]
  /** VMs that must be gone. */
  readonly gone?: readonly string[]
  readonly spareSlots: number
}

/** What no machine accounts for; spare VMs and slots that a running daemon holds ready do not count. */
export function orphans(place: Place, { kept = [], gone = [], spareSlots }: Expected): string[] {
  const running = hypervisors(place)
  const isForeign = (name: string): boolean => gone.includes(name) || !(kept.includes(name) || /^(spare|golden)-/.test(name))
  const slots = [namespaces(place).length, interfaces(place).length]
  return [
    ...running.filter(({ name }) => isForeign(name)).map(({ name, pid }) => `hypervisor ${name}, pid ${pid}`),
    ...processes()
      .filter((pid) => isUidOf(place, ownerOf(`/proc/${pid}`)) && !running.some((one) => one.pid === pid))
      .map((pid) => `process ${pid} (${read(`/proc/${pid}/comm`).trim()}) under a machine's uid`),
    ...entries(join(place.runRoot, 'vm'))
      .filter(isForeign)
      .map((name) => `run directory ${name}`),
    ...entries(join(place.dataDir, 'pool/machines'))
      .filter(isForeign)
      .map((name) => `disk ${name}`),
    ...gone.flatMap((name) => cgroupsOf(name)).map((path) => `control group ${path}`),
    ...(Math.max(...slots) > running.length + spareSlots ? [`${slots.join(' namespaces and ')} interfaces for ${running.length} VMs`] : []),
  ]
}

/** Everything at all: empty once the daemon is stopped and its place was cleared. */
export async function tracesOfDaemon(place: Place): Promise<string[]> {
  const { instance, dataDir, runRoot } = place
  const [tables, routes, loops] = await Promise.all([
    run('nft', ['list', 'tables']),
    run('ip', ['route', 'show', 'table', 'all']),
    run('losetup', ['--noheadings', '--output', 'NAME,BACK-FILE']),
  ])
  const lines = (text: string, word: string): string[] => text.split('\n').filter((line) => line.includes(word))
  return [
    ...orphans(place, { gone: [...namesOfVms(place)], spareSlots: 0 }),
    ...processes()
      .filter((pid) => environmentOf(pid).includes(`NULLSPACE_DATA_DIR=${dataDir}`))
      .map((pid) => `daemon ${pid}`),
    ...lines(tables.stdout, `nullspace_${instance}`),
    ...lines(routes.stdout, instance),
    ...lines(loops.stdout, dataDir),
    ...lines(read('/proc/self/mountinfo'), dataDir),
    ...[runRoot, dataDir].filter((path) => existsSync(path)),
  ]
}

/** Removes what a stopped daemon keeps on its host, and the VMs of one that could not do so itself. */
export async function clearPlace(place: Place): Promise<void> {
  const { instance, dataDir, runRoot } = place
  for (const { pid } of hypervisors(place)) process.kill(pid, 'SIGKILL')
  for (let looks = 0; hypervisors(place).length > 0 && looks < 200; looks++) await new Promise((resolve) => setTimeout(resolve, 10))
  for (const name of interfaces(place)) await run('ip', ['link', 'del', name])
  for (const name of namespaces(place)) await run('ip', ['netns', 'del', name])
  const block = /"block": "([^"]+)"/.exec(read(join(dataDir, 'network.json')))?.[1]
  if (block !== undefined) await run('ip', ['route', 'del', 'unreachable', block]).catch(() => {})
  await run('nft', ['delete', 'table', 'inet', `nullspace_${instance}`]).catch(() => {})
  const pool = join(dataDir, 'pool')
  if (read('/proc/self/mountinfo').includes(` ${pool} `)) await run('umount', [pool])
  await rm(runRoot, { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true })
}

export function cgroupsOf(vm: string): string[] {
  return [CGROUPS, ...entries(CGROUPS).map((name) => join(CGROUPS, name))]
    .map((root) => join(root, 'nullspace', vm))
    .filter((path) => existsSync(path))
}

/** A field of /proc/PID/status. */
export function statusOf(pid: number, field: string): string {
  return new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? ''
}

export function residentBytes(pid: number): number {
  return Number.parseInt(statusOf(pid, 'VmRSS'), 10) * 1024
}

function namespaces({ instance }: Place): string[] {
  return entries('/run/netns').filter((name) => name.startsWith(`ns${instance}-`))
}

/** The namespace that a process is in, by the name it has on this host; null for the host's own. */
export function namespaceOf(place: Place, pid: number): string | null {
  const own = readlinkSync(`/proc/${pid}/ns/net`)
  return namespaces(place).find((name) => own === `net:[${statSync(join('/run/netns', name)).ino}]`) ?? null
}

function interfaces({ instance }: Place): string[] {
  return read('/proc/self/net/dev').match(new RegExp(`nv${instance}-\\d+`, 'g')) ?? []
}

function isUidOf({ uidBase }: Place, uid: number): boolean {
  return uid >= uidBase && uid < uidBase + UIDS_PER_INSTANCE
}

function ownerOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.uid ?? -1
}

function environmentOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

/** Without those that have ended and wait to be reaped: an orphan's reaper is not ours to hurry. */
function processes(): number[] {
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !statusOf(pid, 'State').startsWith('Z'))
}

/** Empty for what is not there: a process may end between two looks. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
