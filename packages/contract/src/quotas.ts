// How much an owner may hold at once. Ours: the hosted product has tiers instead.

import { z } from 'zod'
import { route } from './route.ts'

export const QUOTA_KINDS = ['machines', 'vcpus', 'memory_mb', 'snapshots', 'disk_mb'] as const
export type QuotaKind = (typeof QUOTA_KINDS)[number]

/**
 * Machines that run or are paused; vCPUs and memory of those that run; reusable snapshots; disk that machines may come to and
 * snapshots take. Null = no bound.
 */
export const Quota = z.object({
  machines: z.number().int().min(0).nullable(),
  vcpus: z.number().int().min(0).nullable(),
  memory_mb: z.number().int().min(0).nullable(),
  snapshots: z.number().int().min(0).nullable(),
  disk_mb: z.number().int().min(0).nullable(),
})
export type Quota = z.output<typeof Quota>

export const QuotaState = z.object({
  owner: z.string(),
  limits: Quota,
  used: z.object({
    machines: z.number().int(),
    vcpus: z.number().int(),
    memory_mb: z.number().int(),
    snapshots: z.number().int(),
    disk_mb: z.number().int(),
  }),
})
export type QuotaState = z.output<typeof QuotaState>

const OwnerParams = z.object({ owner: z.string() })

export const getQuota = route({
  id: 'getQuota',
  method: 'GET',
  path: '/v1/quotas/{owner}',
  summary: 'What an owner may hold and holds; `me` is the caller. Others need an operator.',
  access: 'key',
  params: OwnerParams,
  success: { status: 200, body: QuotaState },
  errors: ['unauthorized', 'forbidden', 'owner_not_found'],
  ours: true,
})

export const setQuota = route({
  id: 'setQuota',
  method: 'PATCH',
  path: '/v1/quotas/{owner}',
  summary: 'Change an owner’s bounds: a number, or null for none. What is left out stays.',
  access: 'operator',
  params: OwnerParams,
  body: z.strictObject(Quota.partial().shape),
  success: { status: 200, body: QuotaState },
  errors: ['invalid_request', 'unauthorized', 'forbidden', 'owner_not_found'],
  ours: true,
})
