// Egress policy as nft text. Pure: the same input gives the same text, and every text is one transaction.
// A guest is refused twice: in its own slot, which knows the guest, and on the host, which knows its own addresses.

import { type Block, formatBlock, GUEST, SECOND_RESOLVER, UPLINK } from './addresses.ts'

/** Nothing here is the internet (RFC 6890). The TEST-NETs are left out: nothing real answers there, and tests stand on them. */
export const REFUSED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
] as const

const TABLE = 'inet nullspace'
// Refused at once rather than dropped: a program in the guest then fails in a millisecond instead of a minute.
const REFUSE = 'reject with icmpx type admin-prohibited'
// A connection that this slot did not see begin: it came along in the memory of a guest whose copy has it too, somewhere
// else. It is over for the guest at its first word, and the other end, which speaks to that copy, hears nothing of it.
// (Its FIN is invalid to conntrack, and dropped: who sends that has ended it already.)
const CUT_STRAYS = 'ct state new tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset'

/** The whole table of one slot. Loaded before the slot has a tap, so there is no moment without it. */
export function slotRules({ internetAccess, upstreams }: { internetAccess: boolean; upstreams: readonly string[] }): string {
  return `add table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
  set refused {
    type ipv4_addr; flags interval
    elements = { ${REFUSED.join(', ')} }
  }
  chain source {
    type filter hook prerouting priority raw; policy drop
    iifname "${UPLINK}" meta nfproto ipv4 accept
    iifname "${GUEST.tap}" ip saddr ${GUEST.address} accept
  }
  chain dstnat {
    type nat hook prerouting priority dstnat; policy accept
    iifname "${UPLINK}" meta l4proto { tcp, udp } dnat ip to ${GUEST.address}
    iifname "${GUEST.tap}" meta l4proto { tcp, udp } th dport 53 jump dns
  }
  chain dns {
  }
  chain srcnat {
    type nat hook postrouting priority srcnat; policy accept
    oifname { "${GUEST.tap}", "${UPLINK}" } masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    ct state invalid drop
    iifname "${GUEST.tap}" ${CUT_STRAYS}
    iifname "${UPLINK}" oifname "${GUEST.tap}" ct state established,related accept
    iifname "${UPLINK}" oifname "${GUEST.tap}" ct status dnat accept
    iifname "${GUEST.tap}" oifname "${UPLINK}" ct state established,related ct direction reply accept
    iifname "${GUEST.tap}" oifname "${UPLINK}" jump out
  }
  chain out {
  }
  chain input {
    type filter hook input priority filter; policy drop
    iifname "${GUEST.tap}" ${CUT_STRAYS}
    iifname "${GUEST.tap}" ${REFUSE}
  }
  chain output {
    type filter hook output priority filter; policy drop
    ct state related accept
  }
}
${slotPolicy(internetAccess)}${slotDns(upstreams)}`
}

/** Swaps the policy of a slot whose table is in force. What the guest began before is cut as well: `out` judges every packet. */
export function slotPolicy(internetAccess: boolean): string {
  const lines = internetAccess
    ? [
        `ct status dnat ct original ip daddr { ${GUEST.gateway}, ${SECOND_RESOLVER} } meta l4proto { tcp, udp } th dport 53 accept`,
        `ip daddr @refused ${REFUSE}`,
        'meta l4proto { icmp, tcp, udp } accept',
        REFUSE,
      ]
    : [REFUSE]
  return [`flush chain ${TABLE} out`, ...lines.map((line) => `add rule ${TABLE} out ${line}`), ''].join('\n')
}

/** Points a slot's two resolver addresses at the host's upstreams; with none, questions are refused at once. */
export function slotDns(upstreams: readonly string[]): string {
  const [first, second = first] = upstreams
  const rule =
    first === undefined
      ? []
      : [`add rule ${TABLE} dns dnat ip to ip daddr map { ${GUEST.gateway} : ${first}, ${SECOND_RESOLVER} : ${second} }`]
  return [`flush chain ${TABLE} dns`, ...rule, ''].join('\n')
}

export interface HostRulesInput {
  readonly table: string
  readonly vethPrefix: string
  readonly block: Block
  readonly upstreams: readonly string[]
}

/** The instance's table on the host. Its drops hold whatever other tables accept; its accepts bind nobody else. */
export function hostRules({ table, vethPrefix, block, upstreams }: HostRulesInput): string {
  const slots = `"${vethPrefix}*"`
  const toResolver =
    upstreams.length === 0 ? [] : [`ip daddr { ${[...new Set(upstreams)].join(', ')} } meta l4proto { tcp, udp } th dport 53 accept`]
  const lines = (rules: readonly string[]): string => rules.map((rule) => `    ${rule}\n`).join('')
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
  set refused {
    type ipv4_addr; flags interval
    elements = { ${REFUSED.join(', ')} }
  }
  chain from_slot {
${lines([
  'meta nfproto != ipv4 drop',
  'ct state invalid drop',
  `ip saddr != ${formatBlock(block)} drop`,
  `oifname ${slots} drop`,
  'ct status dnat drop',
  'tcp flags syn tcp option maxseg size set rt mtu',
  ...toResolver,
  'ip daddr @refused drop',
])}  }
  chain forward {
    type filter hook forward priority filter; policy accept
    iifname ${slots} jump from_slot
    oifname ${slots} ct state established,related accept
    oifname ${slots} drop
  }
  chain input {
    type filter hook input priority filter; policy accept
${lines([`iifname ${slots} ct state established,related accept`, ...toResolver.map((rule) => `iifname ${slots} ${rule}`), `iifname ${slots} drop`])}  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept
    ip saddr ${formatBlock(block)} oifname != ${slots} masquerade
  }
}
`
}

export const noHostRules = (table: string): string => `add table inet ${table}\ndelete table inet ${table}\n`
