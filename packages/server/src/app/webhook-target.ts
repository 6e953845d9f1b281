// Where webhooks may be posted to. The daemon stands inside the operator's network, and owners choose the address: what is
// not the public internet is refused, unless the operator allows it.

import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

// Special-purpose registries of IANA, IPv4: everything that is not globally reachable, and multicast.
const NOT_PUBLIC_V4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
/** Of what IPv6 has given out for the public, 2000::/3: ranges that are not, and ranges that hide an IPv4 address. */
const NOT_PUBLIC_V6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const refusedV4 = new BlockList()
for (const [net, prefix] of NOT_PUBLIC_V4) refusedV4.addSubnet(net, prefix, 'ipv4')
const refusedV6 = new BlockList()
for (const [net, prefix] of NOT_PUBLIC_V6) refusedV6.addSubnet(net, prefix, 'ipv6')
const givenOutV6 = new BlockList()
givenOutV6.addSubnet('2000::', 3, 'ipv6')
const mappedV4 = new BlockList()
mappedV4.addSubnet('::ffff:0:0', 96, 'ipv6')

/** Of an address as a resolver or a URL gives it. Whatever is not understood is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !refusedV4.check(address, 'ipv4')
  if (isIP(address) !== 6 || address.includes('%')) return false
  // A BlockList of IPv4 ranges sees through the mapped form.
  if (mappedV4.check(address, 'ipv6')) return !refusedV4.check(address, 'ipv6')
  return givenOutV6.check(address, 'ipv6') && !refusedV6.check(address, 'ipv6')
}

/** The addresses of this host, whatever their kind: what listens on them trusts its neighbours. */
export function isOwnAddress(address: string): boolean {
  const own = new BlockList()
  for (const { address: mine, family } of Object.values(networkInterfaces()).flatMap((list) => list ?? []))
    own.addAddress(mine, family === 'IPv6' ? 'ipv6' : 'ipv4')
  const version = isIP(address)
  return version !== 0 && own.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

export const isAllowedTarget = (address: string): boolean => isPublicAddress(address) && !isOwnAddress(address)

/** The address in a URL that names one, without brackets; null of one with a host name. */
export function literalAddress({ hostname }: URL): string | null {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? null : bare
}
