// Pure arithmetic of a slot's addresses and names. Inside every slot the guest sees the same four constants; outside, a
// slot is one /31 of the instance's block: even address on the host, odd address in the namespace.

import { createHash } from 'node:crypto'

export interface Block {
  /** First address as an unsigned 32-bit number. */
  readonly base: number
  readonly prefix: number
}

export const GUEST = {
  address: '10.111.0.2',
  gateway: '10.111.0.1',
  gatewayPrefix: 30,
  mac: '02:4e:53:00:00:01',
  tap: 'tap0',
} as const

/** Where the guest's own resolver fails over to. Routed, not on-link, so the /30 stays as small as it is. */
export const SECOND_RESOLVER = '10.111.0.5'

/** The namespace's end of the veth pair. The same name in every slot, so all slots load the same rules. */
export const UPLINK = 'up0'
/** Both ends of a point-to-point link may carry the same pair of MACs in every slot; known MACs need no ARP. */
export const VETH_MAC = { host: '02:4e:53:00:01:01', slot: '02:4e:53:00:01:02' } as const

/** A /20 holds 2048 slots. */
export const BLOCK_PREFIX = 20
const CGNAT: Block = { base: toNumber('100.64.0.0'), prefix: 10 }
const BENCHMARK: Block = { base: toNumber('198.18.0.0'), prefix: 15 }

export function toNumber(address: string): number {
  const parts = address.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN))
  if (parts.length !== 4 || parts.some((part) => !(part <= 255))) throw new Error(`not an IPv4 address: ${address}`)
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
}

export const sizeOf = (block: Block): number => 2 ** (32 - block.prefix)
export const capacityOf = (block: Block): number => sizeOf(block) / 2
export const formatBlock = (block: Block): string => `${toAddress(block.base)}/${block.prefix}`

/** `10.1.2.3/8` is read as the network it lies in; an address alone is a /32. */
export function parseBlock(text: string): Block {
  const [address = '', prefixText = '32'] = text.split('/')
  const prefix = /^\d{1,2}$/.test(prefixText) ? Number(prefixText) : Number.NaN
  if (!(prefix <= 32)) throw new Error(`not an IPv4 block: ${text}`)
  const size = 2 ** (32 - prefix)
  return { base: Math.floor(toNumber(address) / size) * size, prefix }
}

export function overlaps(a: Block, b: Block): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a)
}

/** Blocks in the order this instance should try them. The hash keeps daemons of one host apart without a registry. */
export function* candidateBlocks(instance: string, { avoidCgnat }: { avoidCgnat: boolean }): Generator<Block> {
  const hash = createHash('sha256').update(`nullspace network ${instance}`).digest().readUInt32BE(0)
  for (const pool of avoidCgnat ? [BENCHMARK, CGNAT] : [CGNAT, BENCHMARK]) {
    const count = 2 ** (BLOCK_PREFIX - pool.prefix)
    for (let step = 0; step < count; step++) {
      yield { base: pool.base + ((hash + step) % count) * 2 ** (32 - BLOCK_PREFIX), prefix: BLOCK_PREFIX }
    }
  }
}

export interface SlotAddresses {
  readonly host: string
  readonly slot: string
}

export function slotAddresses(block: Block, index: number): SlotAddresses {
  if (!Number.isInteger(index) || index < 0 || index >= capacityOf(block)) {
    throw new Error(`slot ${index} is outside ${formatBlock(block)}`)
  }
  return { host: toAddress(block.base + index * 2), slot: toAddress(block.base + index * 2 + 1) }
}

/** Every name carries the instance, because several daemons share one host and each sweeps only its own. */
export function namesOf(instance: string) {
  if (!/^[0-9a-f]{4}$/.test(instance)) throw new Error(`an instance is four hex digits, not ${JSON.stringify(instance)}`)
  const vethPrefix = `nv${instance}-`
  const netnsPrefix = `ns${instance}-`
  const indexAfter = (prefix: string, name: string): number | null =>
    name.startsWith(prefix) && /^(0|[1-9]\d{0,4})$/.test(name.slice(prefix.length)) ? Number(name.slice(prefix.length)) : null
  return {
    vethPrefix,
    table: `nullspace_${instance}`,
    netns: (index: number): string => `${netnsPrefix}${index}`,
    veth: (index: number): string => `${vethPrefix}${index}`,
    indexOf: (name: string): number | null => indexAfter(netnsPrefix, name) ?? indexAfter(vethPrefix, name),
  }
}

export type Names = ReturnType<typeof namesOf>
