// What an instance keeps on the host itself: one block of addresses, one nft table, one route that marks the block as
// taken, and IP forwarding switched on. All of it is written so that doing it again changes nothing.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Block, candidateBlocks, formatBlock, type Names, overlaps, parseBlock } from './addresses.ts'
import { hostRules, noHostRules } from './rules.ts'
import { run } from './run.ts'
import { interfaceNames } from './slot.ts'
import type { Op } from '../../observe/op.ts'

export interface HostState {
  readonly magic: 'nullspace-network'
  readonly format: 1
  readonly instance: string
  readonly block: string
  /** True when forwarding was off before this instance switched it on; `doctor` tells, since it concerns the whole host. */
  readonly switchedForwardingOn: boolean
}

// Tells our route from an administrator's; any number that rt_protos leaves free will do.
const ROUTE_PROTOCOL = '178'
const FORWARDING = '/proc/sys/net/ipv4/ip_forward'

export async function readState(stateDir: string, instance: string): Promise<HostState | null> {
  const path = join(stateDir, 'network.json')
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  const state = JSON.parse(text) as Partial<HostState>
  if (state.magic !== 'nullspace-network' || state.format !== 1) throw new Error(`${path} is of a format this release does not know`)
  // A copied data directory must not claim the addresses of the one it was copied from.
  return state.instance === instance ? (state as HostState) : null
}

export async function writeState(stateDir: string, state: HostState): Promise<void> {
  await mkdir(stateDir, { recursive: true })
  const path = join(stateDir, 'network.json')
  await writeFile(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`)
  await rename(`${path}.new`, path)
}

export const forgetState = (stateDir: string): Promise<void> => rm(join(stateDir, 'network.json'), { force: true })

/** The first candidate that no route or interface of the host touches, other than this instance's own. */
export async function chooseBlock(op: Op, names: Names, instance: string): Promise<Block> {
  const taken = await foreignRoutes(op, names)
  // Tailscale drops packets of 100.64.0.0/10 that did not come through it, whether or not it uses the block itself.
  const avoidCgnat = (await interfaceNames()).includes('tailscale0')
  for (const block of candidateBlocks(instance, { avoidCgnat })) {
    if (!taken.some((route) => overlaps(route.block, block))) return block
  }
  throw new Error('no free block of addresses for network slots: name one in the configuration (a /20 that nothing else on this host uses)')
}

export interface Route {
  readonly block: Block
  readonly dev: string
}

/** IPv4 routes of every table, without default routes and without what this instance made. */
export async function foreignRoutes(op: Op, names: Names, own: Block | null = null): Promise<Route[]> {
  const rows = JSON.parse(await run(op, 'ip', ['-4', '-j', 'route', 'show', 'table', 'all'])) as {
    dst: string
    dev?: string
    type?: string
  }[]
  return (
    rows
      .filter((row) => /^\d/.test(row.dst) && !row.dev?.startsWith(names.vethPrefix))
      .filter((row) => !(own && row.type === 'unreachable' && row.dst === formatBlock(own)))
      .map((row) => ({ block: parseBlock(row.dst), dev: row.dev ?? row.type ?? 'a route' }))
      // A VPN's 0.0.0.0/1 is a default route in disguise.
      .filter((route) => route.block.prefix >= 8)
  )
}

/** True when forwarding had to be switched on. */
export async function enableForwarding(): Promise<boolean> {
  if ((await readFile(FORWARDING, 'utf8')).trim() !== '0') return false
  try {
    await writeFile(FORWARDING, '1')
  } catch (cause) {
    throw new Error('IP forwarding is off and cannot be switched on from here: set net.ipv4.ip_forward=1 on the host', { cause })
  }
  return true
}

export async function applyHostRules(op: Op, names: Names, block: Block, upstreams: readonly string[]): Promise<void> {
  await run(op, 'nft', ['-f', '-'], { input: hostRules({ ...names, block, upstreams }) })
  // More specific routes of living slots win; for the rest the host answers at once instead of asking its uplink.
  await run(op, 'ip', ['route', 'replace', 'unreachable', formatBlock(block), 'proto', ROUTE_PROTOCOL])
}

export async function removeHostSide(op: Op, names: Names, block: Block): Promise<void> {
  await run(op, 'nft', ['-f', '-'], { input: noHostRules(names.table) })
  const marker = await run(op, 'ip', ['-4', 'route', 'show', 'exact', formatBlock(block), 'proto', ROUTE_PROTOCOL])
  if (marker.trim() !== '') await run(op, 'ip', ['route', 'del', 'unreachable', formatBlock(block), 'proto', ROUTE_PROTOCOL])
}
