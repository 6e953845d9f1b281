// The network driver of a Linux host: one namespace per machine from a pool made ahead, its egress policy in nft.
// Nothing about a slot is stored: names and indices say all, so a daemon that was killed finds everything by looking.

import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBlock, GUEST, namesOf, parseBlock, slotAddresses, type Block } from './addresses.ts'
import { diagnose } from './diagnose.ts'
import { type DnsStatus, type Finding, findUpstreams } from './dns.ts'
import { applyHostRules, chooseBlock, enableForwarding, forgetState, readState, removeHostSide, writeState } from './host-side.ts'
import type { Network, Slot } from './network.ts'
import { SlotPool } from './pool.ts'
import { checkHost, explain } from './requirements.ts'
import { slotRules } from './rules.ts'
import { listParts, removeSlots, SLOT_FILES, SLOT_SYSCTL } from './slot.ts'
import type { Op } from '../../observe/op.ts'

export interface NetnsNetworkOptions {
  /** Four hex digits, one per data directory: several daemons live on one host. */
  readonly instance: string
  /** Slot n's hypervisor runs as uidBase + n. */
  readonly uidBase: number
  /** How many slots to hold ready. */
  readonly spare: number
  readonly stateDir: string
  /** CIDR; chosen and remembered when absent. */
  readonly addressBlock?: string | undefined
  /** IPv4 addresses; the host's own resolvers when absent. */
  readonly dnsUpstreams?: readonly string[] | undefined
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
}

export interface NetnsNetwork extends Network {
  readonly kind: 'netns'
  /** Read afresh each time, so it also tells when the host's resolvers changed since `setUp`. */
  dnsStatus(): Promise<DnsStatus>
  diagnose(op: Op): Promise<Finding[]>
  /** Removes every trace of this instance from the host, machines' slots included. */
  tearDown(op: Op): Promise<void>
}

interface Ready {
  readonly block: Block
  readonly pool: SlotPool
  readonly upstreams: readonly string[]
}

export function createNetnsNetwork(options: NetnsNetworkOptions): NetnsNetwork {
  const { instance, uidBase, stateDir, log } = options
  const names = namesOf(instance)
  const filesDir = join(stateDir, 'network')
  let ready: Ready | null = null
  let settingUp: Promise<void> | null = null

  const theReady = (): Ready => {
    if (!ready) throw new Error('the network has not been set up')
    return ready
  }

  const slotOf = (index: number, { block }: Ready): Slot => ({
    index,
    uid: uidBase + index,
    link: { netns: names.netns(index), tap: GUEST.tap },
    address: slotAddresses(block, index).slot,
  })

  async function setUp(op: Op): Promise<void> {
    await checkHost(op)
    const parts = await listParts(names)
    const leftovers = new Set([...parts.netns, ...parts.veths])
    const block = ready?.block ?? (await settleBlock(op, leftovers.size > 0))
    const dns = await findUpstreams(options.dnsUpstreams)
    if (!dns.ok) log.warn({ why: dns.why }, 'guests have no DNS')
    await writeSlotFiles(filesDir, dns.upstreams)
    await applyHostRules(op, names, block, dns.upstreams)
    if (ready) {
      ready = { ...ready, upstreams: dns.upstreams }
      return
    }
    const hostHasIpv6 = await access('/proc/sys/net/ipv6').then(
      () => true,
      () => false,
    )
    const pool = new SlotPool({ ...options, names, block, filesDir, hostHasIpv6, warn: log.warn.bind(log) }, leftovers)
    // Only a slot that was really made shows that this host can make them.
    await pool.tryOne(op)
    ready = { block, pool, upstreams: dns.upstreams }
    log.info({ block: formatBlock(block), upstreams: dns.upstreams, found: leftovers.size }, 'network is set up')
  }

  async function settleBlock(op: Op, slotsExist: boolean): Promise<Block> {
    const remembered = await readState(stateDir, instance)
    const wanted = options.addressBlock === undefined ? null : parseBlock(options.addressBlock)
    if (wanted && wanted.prefix > 30) throw new Error(`the address block ${formatBlock(wanted)} has no room for slots`)
    const kept =
      remembered && (wanted === null || slotsExist || remembered.block === formatBlock(wanted)) ? parseBlock(remembered.block) : null
    if (kept && wanted && formatBlock(kept) !== formatBlock(wanted)) {
      log.warn(
        { kept: formatBlock(kept), wanted: formatBlock(wanted) },
        'machines still live in the old address block; the new one is taken when none does',
      )
    }
    const block = kept ?? wanted ?? (await chooseBlock(op, names, instance))
    if (remembered && !kept) await removeHostSide(op, names, parseBlock(remembered.block))
    const switchedForwardingOn = (await enableForwarding()) || (remembered?.switchedForwardingOn ?? false)
    if (switchedForwardingOn && !remembered?.switchedForwardingOn) log.info({}, 'switched IP forwarding on for this host')
    await writeState(stateDir, { magic: 'nullspace-network', format: 1, instance, block: formatBlock(block), switchedForwardingOn })
    return block
  }

  return {
    kind: 'netns',
    setUp(op) {
      settingUp ??= setUp(op)
        .catch((error: unknown) => {
          throw explain(error)
        })
        .finally(() => {
          settingUp = null
        })
      return settingUp
    },
    async reserve(op, policy) {
      const now = theReady()
      return slotOf(await now.pool.reserve(op, policy.internetAccess), now)
    },
    async adopt(op, index) {
      const now = theReady()
      return (await now.pool.adopt(op, index, now.upstreams)) ? slotOf(index, now) : null
    },
    release: async (op, index) => theReady().pool.release(op, index),
    sweep: async (op) => theReady().pool.sweep(op),
    refill: async (op) => theReady().pool.refill(op),
    close: async () => ready?.pool.close(),
    dnsStatus: () => findUpstreams(options.dnsUpstreams),
    async diagnose(op) {
      return diagnose(op, {
        names,
        state: await readState(stateDir, instance),
        dns: await findUpstreams(options.dnsUpstreams),
        inForce: ready?.upstreams ?? null,
      })
    },
    async tearDown(op) {
      await ready?.pool.close()
      const parts = await listParts(names)
      const left = await removeSlots(op, names, [...new Set([...parts.netns, ...parts.veths])])
      if (left.length > 0) throw new Error(`network slots ${left.join(', ')} could not be removed`)
      const state = await readState(stateDir, instance)
      if (state) await removeHostSide(op, names, parseBlock(state.block))
      await forgetState(stateDir)
      ready = null
    },
  }
}

async function writeSlotFiles(dir: string, upstreams: readonly string[]): Promise<void> {
  await mkdir(dir, { recursive: true })
  await Promise.all([
    writeFile(join(dir, SLOT_FILES.open), slotRules({ internetAccess: true, upstreams })),
    writeFile(join(dir, SLOT_FILES.shut), slotRules({ internetAccess: false, upstreams })),
    writeFile(join(dir, SLOT_FILES.sysctl), SLOT_SYSCTL),
  ])
}
