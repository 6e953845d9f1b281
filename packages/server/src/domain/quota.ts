// How much an owner may hold. Pure arithmetic.

import { QUOTA_KINDS, type Quota, type QuotaKind } from '@nullspace/contract/quotas.ts'

export type Holdings = Readonly<Record<QuotaKind, number>>

export const NOTHING: Holdings = { machines: 0, vcpus: 0, memory_mb: 0, snapshots: 0, disk_mb: 0 }
export const UNLIMITED: Quota = { machines: null, vcpus: null, memory_mb: null, snapshots: null, disk_mb: null }

const NAMES: Readonly<Record<QuotaKind, string>> = {
  machines: 'machines',
  vcpus: 'vCPUs of running machines',
  memory_mb: 'MiB of memory of running machines',
  snapshots: 'snapshots',
  disk_mb: 'MiB of disk',
}

export const sum = (a: Holdings, b: Partial<Holdings>): Holdings =>
  Object.fromEntries(QUOTA_KINDS.map((kind) => [kind, a[kind] + (b[kind] ?? 0)])) as Record<QuotaKind, number>

/** Null when it fits, else one sentence that says which bound is in the way. What is not wanted more of is not judged. */
export function whyOverQuota(limits: Quota, used: Holdings, wanted: Partial<Holdings>): string | null {
  for (const kind of QUOTA_KINDS) {
    const [limit, more] = [limits[kind], wanted[kind] ?? 0]
    if (limit === null || more === 0 || used[kind] + more <= limit) continue
    return `The quota is ${limit} ${NAMES[kind]}; ${used[kind]} are held, and this needs ${more} more.`
  }
  return null
}
