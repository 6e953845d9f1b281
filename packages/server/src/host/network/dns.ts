// Which resolvers a guest's questions go to. The slot rewrites them straight to the host's upstreams, so that no process
// of ours stands in the path; a resolver that only listens on the host's loopback can therefore not be used.

import { readFile } from 'node:fs/promises'
import { toNumber } from './addresses.ts'

export interface Finding {
  readonly ok: boolean
  readonly what: string
  readonly why: string
  readonly fix: string | null
}

export interface DnsStatus extends Finding {
  /** At most two, the ones in use: a guest has two resolver addresses. */
  readonly upstreams: readonly string[]
}

const RESOLV_CONF = '/etc/resolv.conf'
/** systemd-resolved's list of what stands behind its stub. */
const RESOLVED_CONF = '/run/systemd/resolve/resolv.conf'

/** `read` gives a file's text, null when there is none. */
export async function findUpstreams(
  configured: readonly string[] | undefined,
  read: (path: string) => Promise<string | null> = readOrNull,
): Promise<DnsStatus> {
  if (configured && configured.length > 0) return judge(configured, 'the configuration')
  const named = nameservers((await read(RESOLV_CONF)) ?? '')
  if (named.some((address) => address === '127.0.0.53' || address === '127.0.0.54')) {
    const behind = nameservers((await read(RESOLVED_CONF)) ?? '')
    if (behind.length > 0) return judge(behind, RESOLVED_CONF)
  }
  return judge(named, RESOLV_CONF)
}

function judge(addresses: readonly string[], source: string): DnsStatus {
  const usable = addresses.filter((address) => isIpv4(address) && !/^(0|127)\./.test(address)).slice(0, 2)
  const what = 'DNS for guests'
  if (usable.length > 0)
    return { ok: true, upstreams: usable, what, why: `questions go to ${usable.join(' and ')} (from ${source})`, fix: null }
  const why =
    addresses.length === 0
      ? `${source} names no resolver, so guests cannot look names up`
      : `${source} names only ${addresses.join(', ')}, which a guest cannot reach: a resolver needs an IPv4 address other than loopback`
  return {
    ok: false,
    upstreams: [],
    what,
    why,
    fix: 'set the DNS upstreams in the configuration to a resolver that is reachable from this host',
  }
}

function nameservers(text: string): string[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map((match) => match[1] ?? '')
}

function isIpv4(address: string): boolean {
  try {
    toNumber(address)
    return true
  } catch {
    return false
  }
}

function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null)
}
