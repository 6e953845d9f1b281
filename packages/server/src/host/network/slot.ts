// Makes and removes slots by name. What a crash leaves between two commands is always found again: every part is either
// a namespace or a host interface that carries the instance and the index, and removing takes whichever part there is.

import { readdir, readFile, stat } from 'node:fs/promises'
import { GUEST, type Names, type SlotAddresses, UPLINK, VETH_MAC } from './addresses.ts'
import { run } from './run.ts'
import type { Op } from '../../observe/op.ts'

/** Where `ip netns` keeps its names; fixed at its build, the same on every distribution we know. */
export const NETNS_DIR = '/run/netns'

/** Files beside the slots, the same for all: a program started inside the namespace reads them. */
export const SLOT_FILES = { open: 'slot-open.nft', shut: 'slot-shut.nft', sysctl: 'slot-sysctl.conf' } as const

// IPv6 stays off until it has a policy; the `default` values reach interfaces made later.
// arp_ignore: the guest may learn its gateway's MAC, not which other addresses the slot has.
// icmp_ratelimit: by default only six refusals in a row are told to a guest, and then its programs wait for nothing.
export const SLOT_SYSCTL = `net.ipv4.ip_forward=1
net.ipv4.conf.all.arp_ignore=1
net.ipv4.icmp_ratelimit=0
net.ipv4.conf.all.send_redirects=0
net.ipv4.conf.default.send_redirects=0
net.ipv4.conf.all.accept_redirects=0
net.ipv6.conf.all.disable_ipv6=1
net.ipv6.conf.default.disable_ipv6=1
`

export interface SlotPlan {
  readonly names: Names
  readonly index: number
  readonly uid: number
  readonly addresses: SlotAddresses
  readonly internetAccess: boolean
  /** Directory with SLOT_FILES. Used as working directory, so its path needs no quoting in a batch. */
  readonly filesDir: string
  /** False on a host without IPv6, where iproute2 refuses to speak of its address generation. */
  readonly hostHasIpv6: boolean
}

/** The rules are in force before the tap exists; on failure parts may be left for `removeSlots`. */
export async function makeSlot(op: Op, plan: SlotPlan): Promise<void> {
  const { names, index, addresses, filesDir } = plan
  const [netns, veth] = [names.netns(index), names.veth(index)]
  await batch(op, [], filesDir, [
    `netns add ${netns}`,
    `netns exec ${netns} sysctl -q -e -p ${SLOT_FILES.sysctl}`,
    `netns exec ${netns} nft -f ${plan.internetAccess ? SLOT_FILES.open : SLOT_FILES.shut}`,
    `link add ${veth} address ${VETH_MAC.host} type veth peer name ${UPLINK} address ${VETH_MAC.slot} netns ${netns}`,
    ...(plan.hostHasIpv6 ? [`link set ${veth} addrgenmode none`] : []),
    `addr add ${addresses.host}/31 dev ${veth}`,
    `link set ${veth} up`,
    `neigh add ${addresses.slot} lladdr ${VETH_MAC.slot} dev ${veth} nud permanent`,
  ])
  await batch(op, ['-n', netns], filesDir, [
    `addr add ${addresses.slot}/31 dev ${UPLINK}`,
    `link set ${UPLINK} up`,
    `neigh add ${addresses.host} lladdr ${VETH_MAC.host} dev ${UPLINK} nud permanent`,
    `route add default via ${addresses.host} dev ${UPLINK}`,
    `tuntap add dev ${GUEST.tap} mode tap user ${plan.uid}`,
    `addr add ${GUEST.gateway}/${GUEST.gatewayPrefix} dev ${GUEST.tap}`,
    `neigh add ${GUEST.address} lladdr ${GUEST.mac} dev ${GUEST.tap} nud permanent`,
    `link set ${GUEST.tap} up`,
  ])
}

/**
 * Removes what there is of these slots; returns the indices of which something is left, with the reason in the op's log.
 * The veth goes first: a process that still holds the namespace is cut off at once.
 */
export async function removeSlots(op: Op, names: Names, indices: readonly number[]): Promise<number[]> {
  const before = await listParts(names)
  const lines = indices.flatMap((index) => [
    ...(before.veths.has(index) ? [`link del ${names.veth(index)}`] : []),
    ...(before.netns.has(index) ? [`netns del ${names.netns(index)}`] : []),
  ])
  if (lines.length === 0) return []
  // What counts is what is left afterwards: a part that vanished meanwhile fails its line and harms nobody.
  await run(op, 'ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` }).catch((error: Error) => op.log(error.message))
  op.throwIfDone()
  const after = await listParts(names)
  return indices.filter((index) => after.veths.has(index) || after.netns.has(index))
}

export interface Parts {
  readonly netns: ReadonlySet<number>
  readonly veths: ReadonlySet<number>
}

/** Indices of this instance of which anything exists on the host. */
export async function listParts(names: Names): Promise<Parts> {
  const [netns, veths] = await Promise.all([readdir(NETNS_DIR).catch(() => []), interfaceNames()])
  const indices = (all: readonly string[]): Set<number> => new Set(all.map((name) => names.indexOf(name)).filter((index) => index !== null))
  return { netns: indices(netns), veths: indices(veths) }
}

export async function interfaceNames(): Promise<string[]> {
  const text = await readFile('/proc/self/net/dev', 'utf8')
  return text
    .split('\n')
    .slice(2)
    .map((line) => line.slice(0, line.indexOf(':')).trim())
    .filter((name) => name !== '')
}

/** Uids of the range that some process still runs under: their slots must not be given to another machine yet. */
export async function busyUids(first: number, count: number): Promise<Set<number>> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const uids = await Promise.all(
    processes.map((pid) =>
      stat(`/proc/${pid}`).then(
        (found) => found.uid,
        () => -1,
      ),
    ),
  )
  return new Set(uids.filter((uid) => uid >= first && uid < first + count))
}

function batch(op: Op, args: readonly string[], cwd: string, lines: readonly string[]): Promise<string> {
  return run(op, 'ip', [...args, '-batch', '-'], { cwd, input: `${lines.join('\n')}\n` })
}
