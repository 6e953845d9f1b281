// What `doctor` says about the network. It looks and never changes: other people's firewalls are theirs to open.

import { readFile } from 'node:fs/promises'
import { formatBlock, type Names, overlaps, parseBlock } from './addresses.ts'
import type { DnsStatus, Finding } from './dns.ts'
import { foreignRoutes, type HostState } from './host-side.ts'
import { checkHost } from './requirements.ts'
import { run } from './run.ts'
import { interfaceNames } from './slot.ts'
import type { Op } from '../../observe/op.ts'

export interface DiagnoseInput {
  readonly names: Names
  readonly state: HostState | null
  readonly dns: DnsStatus
  /** The upstreams new slots get now; null before `setUp`. */
  readonly inForce: readonly string[] | null
}

export async function diagnose(op: Op, { names, state, dns, inForce }: DiagnoseInput): Promise<Finding[]> {
  const lack = await checkHost(op).then(
    () => null,
    (error: Error) => error.message,
  )
  if (lack !== null) return [{ ok: false, what: 'machine networks', why: lack, fix: null }]
  return [
    await forwarding(state),
    dnsFinding(dns, inForce),
    ...forwardFindings(await readFirewall(op), names),
    ...(state ? await blockFindings(op, names, state) : []),
  ]
}

async function forwarding(state: HostState | null): Promise<Finding> {
  const what = 'IP forwarding'
  const fix = 'put net.ipv4.ip_forward=1 into a file under /etc/sysctl.d'
  const on = (await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() !== '0'
  if (!on) return { ok: false, what, why: 'it is off, so guests reach nothing outside; the daemon switches it on when it starts', fix }
  return state?.switchedForwardingOn
    ? { ok: true, what, why: 'it was off; the daemon switched it on, which makes this whole host forward packets', fix }
    : { ok: true, what, why: 'it is on', fix: null }
}

function dnsFinding(dns: DnsStatus, inForce: readonly string[] | null): Finding {
  if (inForce === null || !dns.ok || inForce.join() === dns.upstreams.join()) return dns
  const why = `this host's resolvers are now ${dns.upstreams.join(' and ')}, but slots still use ${inForce.join(' and ') || 'none'}`
  return { ok: false, what: dns.what, why, fix: 'restart the daemon; running machines take the new resolvers then' }
}

export interface Firewall {
  /** Base chains as `nft -j list chains` gives them. */
  readonly chains: readonly { family: string; table: string; name: string; hook?: string; policy?: string }[]
  /** Rules as `iptables -S` (and iptables-legacy) print them. */
  readonly iptables: string
}

/** A packet must pass every forward chain there is: one that drops by default has to name our interfaces. */
export function forwardFindings({ chains, iptables }: Firewall, { vethPrefix, table }: Pick<Names, 'vethPrefix' | 'table'>): Finding[] {
  const what = "forwarding of guests' packets"
  const slots = `${vethPrefix}+`
  const accepts = (side: '-i' | '-o'): boolean =>
    iptables.split('\n').some((line) => line.includes(`${side} ${slots} `) && line.includes('-j ACCEPT'))
  const dropping = chains.filter(
    (chain) =>
      chain.hook === 'forward' && chain.policy === 'drop' && chain.family !== 'ip6' && chain.family !== 'bridge' && chain.table !== table,
  )
  const viaIptables =
    dropping.some((chain) => chain.family === 'ip' && chain.table === 'filter') || /^-P FORWARD (DROP|REJECT)$/m.test(iptables)
  const findings: Finding[] = []
  if (viaIptables && !(accepts('-i') && accepts('-o'))) {
    const chain = /^-N DOCKER-USER$/m.test(iptables) ? 'DOCKER-USER' : 'FORWARD'
    const why = 'iptables drops forwarded packets by default here (Docker sets this), so guests reach nothing outside'
    const fix = `iptables -I ${chain} -i ${slots} -j ACCEPT; iptables -I ${chain} -o ${slots} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`
    findings.push({ ok: false, what, why, fix })
  }
  for (const chain of dropping.filter(({ family, table: other }) => !(family === 'ip' && other === 'filter'))) {
    const where = `${chain.family} ${chain.table} ${chain.name}`
    const why = `the nftables chain ${where} drops by default; unless it accepts ${vethPrefix}* both ways, guests reach nothing outside`
    const fix = `nft insert rule ${where} iifname "${vethPrefix}*" accept; nft insert rule ${where} oifname "${vethPrefix}*" ct state established,related accept`
    findings.push({ ok: false, what, why, fix })
  }
  return findings.length > 0 ? findings : [{ ok: true, what, why: 'no other firewall chain drops them by default', fix: null }]
}

async function readFirewall(op: Op): Promise<Firewall> {
  const listed = JSON.parse(await run(op, 'nft', ['-j', 'list', 'chains'])) as { nftables: { chain?: Firewall['chains'][number] }[] }
  const rules = await Promise.all(['iptables', 'iptables-legacy'].map((program) => run(op, program, ['-w', '2', '-S']).catch(() => '')))
  return { chains: listed.nftables.flatMap(({ chain }) => (chain ? [chain] : [])), iptables: rules.join('\n') }
}

async function blockFindings(op: Op, names: Names, state: HostState): Promise<Finding[]> {
  const what = 'addresses of slots'
  const block = parseBlock(state.block)
  const fix = 'set another address block in the configuration (a /20 that nothing else on this host uses)'
  const clash = (await foreignRoutes(op, names, block)).find((route) => overlaps(route.block, block))
  if (clash) return [{ ok: false, what, why: `${state.block} overlaps ${formatBlock(clash.block)} on ${clash.dev}`, fix }]
  if (overlaps(block, parseBlock('100.64.0.0/10')) && (await interfaceNames()).includes('tailscale0')) {
    return [{ ok: false, what, why: `Tailscale drops packets from ${state.block} that did not come through it`, fix }]
  }
  return [{ ok: true, what, why: state.block, fix: null }]
}
