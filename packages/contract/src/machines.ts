// Machines on the wire: create, read, list, destroy. Field names and strictness follow the published client.

import { z } from 'zod'
import { MACHINE_STATES } from './states.ts'
import { route } from './route.ts'

/** Bounds of one machine; what the host can really give is checked at admission. */
export const LIMITS = {
  vcpus: { min: 1, max: 32 },
  memoryMb: { min: 128, max: 262_144 },
  diskMb: { min: 512, max: 131_072 },
  timeoutMs: { min: 1_000, max: 30 * 24 * 3_600_000 },
  /** Of idle and auto-delete windows. */
  longestMs: 10 * 365 * 24 * 3_600_000,
  metadataBytes: 16 * 1024,
  envsBytes: 64 * 1024,
  listLimit: { min: 1, max: 100 },
} as const

export const DEFAULTS = { template: 'base', vcpus: 1, memoryMb: 256, timeoutMs: 300_000, cwd: '/workspace' } as const

/** Whole number that may be written as `1500.0`, as the published client does. */
const whole = (min: number, max: number) => z.number().int().min(min).max(max)

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const noNul = (value: string): boolean => !value.includes('\0')

export const Envs = z
  .record(
    z.string().regex(ENV_NAME, 'must be letters, digits and _, not beginning with a digit'),
    z.string().refine(noNul, 'must not contain NUL'),
  )
  .refine((envs) => JSON.stringify(envs).length <= LIMITS.envsBytes, `must be at most ${LIMITS.envsBytes} bytes in all`)

export const Metadata = z
  .record(z.string(), z.unknown())
  .refine(
    (metadata) => new TextEncoder().encode(JSON.stringify(metadata)).length <= LIMITS.metadataBytes,
    `must be at most ${LIMITS.metadataBytes} bytes as JSON`,
  )

/** Nothing of a client’s may be there, nor be reached through there. */
export const RESERVED = '/workspace/.nullspace'

/** A user of the machine, by name or number. */
export const GuestUser = z
  .string()
  .min(1)
  .max(64)
  .refine((name) => !/[\0:/\n]/.test(name), 'must be a user name or number')

/** Absolute path inside the machine; `.` and `..` are resolved, the reserved path is refused. */
export const GuestPath = z
  .string()
  .max(4096)
  .refine(noNul, 'must not contain NUL')
  .refine((path) => path.startsWith('/'), 'must be an absolute path')
  .transform(normalisePath)
  .refine((path) => path !== RESERVED && !path.startsWith(`${RESERVED}/`), `${RESERVED} is reserved`)

export function normalisePath(path: string): string {
  const out: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') out.pop()
    else out.push(part)
  }
  return `/${out.join('/')}`
}

export const TimeoutAction = z.enum(['destroy', 'hibernate'])

export const CreateMachineBody = z.strictObject({
  // No default in the schema: with a snapshot, a size that was asked for is refused and one that was not is the snapshot's.
  template: z.string().min(1).max(200).optional().meta({ default: DEFAULTS.template }),
  vcpus: whole(LIMITS.vcpus.min, LIMITS.vcpus.max).optional().meta({ default: DEFAULTS.vcpus }),
  memory_mb: whole(LIMITS.memoryMb.min, LIMITS.memoryMb.max).optional().meta({ default: DEFAULTS.memoryMb }),
  disk_mb: whole(LIMITS.diskMb.min, LIMITS.diskMb.max).nullish(),
  timeout_ms: whole(LIMITS.timeoutMs.min, LIMITS.timeoutMs.max).default(DEFAULTS.timeoutMs),
  timeout_action: TimeoutAction.nullish(),
  lifecycle: z.strictObject({ on_timeout: z.enum(['destroy', 'pause']).default('destroy') }).nullish(),
  envs: Envs.nullish(),
  metadata: Metadata.nullish(),
  internet_access: z.boolean().optional().meta({ default: true }),
  cwd: GuestPath.nullish(),
  /** Restores a reusable snapshot; size, template, environment and policy are the snapshot's. */
  snapshot_id: z.string().min(1).max(200).nullish(),
  inactivity_timeout_ms: whole(1, LIMITS.longestMs).nullish(),
  auto_delete_after_ms: whole(1, LIMITS.longestMs).nullish(),
  ephemeral: z.boolean().default(false),
  auto_resume: z.boolean().default(false),
  // Options of capabilities that are not built yet: known by name, so that asking for one is `not_implemented` and not a typo.
  warm_pool: z.record(z.string(), z.unknown()).nullish(),
  desktop: z.record(z.string(), z.unknown()).nullish(),
  network: z.record(z.string(), z.unknown()).nullish(),
  volumes: z.array(z.record(z.string(), z.unknown())).nullish(),
})

export const MachineConfig = z.object({ vcpus: z.number().int(), memory_mb: z.number().int(), disk_mb: z.number().int() })

const Timestamp = z.iso.datetime()

/** Open object: the published client ignores further keys, but an optional one without a value must be absent. */
export const MachineInfo = z.object({
  id: z.string(),
  status: z.enum(MACHINE_STATES),
  config: MachineConfig,
  template: z.string(),
  created_at: Timestamp,
  metadata: z.record(z.string(), z.unknown()),
  started_at: Timestamp.optional(),
  timeout_ms: z.number().int(),
  timeout_at: Timestamp.optional(),
  expires_at: Timestamp.optional(),
  remaining_ms: z.number().int().min(0).optional(),
  timeout_action: TimeoutAction,
  last_active_at: Timestamp.optional(),
  inactivity_timeout_ms: z.number().int().optional(),
  auto_delete_after_ms: z.number().int().optional(),
  ephemeral: z.boolean(),
  cwd: z.string(),
  /** While it is paused: the snapshot it resumes from. */
  snapshot_id: z.string().optional(),
  /** Ours: whether work on it wakes it when it is paused. */
  auto_resume: z.boolean(),
  /** Ours: the machine it was forked from, or whose snapshot it was made from. */
  parent_machine_id: z.string().optional(),
  /** Ours: the reusable snapshot it was made from. */
  source_snapshot_id: z.string().optional(),
  /** Ours: why a machine is in `error`. */
  error_reason: z.string().optional(),
})
export type MachineInfo = z.output<typeof MachineInfo>

export const MACHINE_FIELDS = [
  'id',
  'status',
  'config',
  'template',
  'metadata',
  'started_at',
  'timeout_ms',
  'timeout_at',
  'expires_at',
  'timeout_action',
  'created_at',
  'cwd',
  'snapshot_id',
  'traffic_access_token',
  'remaining_ms',
  'last_active_at',
  'inactivity_timeout_ms',
  'auto_delete_after_ms',
  'ephemeral',
  'auto_resume',
  'parent_machine_id',
  'source_snapshot_id',
  'error_reason',
] as const
export type MachineField = (typeof MACHINE_FIELDS)[number]

export const MachineParams = z.object({ id: z.string() })
/** With a field mask, items are partial. */
const PartialMachine = MachineInfo.partial()

export const IdempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .optional(),
})

export const createMachine = route({
  id: 'createMachine',
  method: 'POST',
  path: '/v1/machines',
  summary: 'Create a machine from a template; answers when commands work.',
  access: 'key',
  headers: IdempotencyHeaders,
  body: CreateMachineBody,
  success: { status: 201, body: MachineInfo },
  errors: [
    'invalid_request',
    'unauthorized',
    'quota_exceeded',
    'snapshot_not_found',
    'incompatible_snapshot',
    'rebuild_required',
    'template_not_found',
    'template_not_ready',
    'transition_in_progress',
    'idempotency_conflict',
    'capacity_exceeded',
    'not_implemented',
    'no_eligible_runtime_host',
    'insufficient_storage',
    'draining',
  ],
})

export const listMachines = route({
  id: 'listMachines',
  method: 'GET',
  path: '/v1/machines',
  summary: 'List machines: a bare array without any query, a page with one.',
  access: 'key',
  query: z.strictObject({
    state: z.string().optional(),
    limit: z.coerce.number().int().min(LIMITS.listLimit.min).max(LIMITS.listLimit.max).optional(),
    next_token: z.string().min(1).max(400).optional(),
    template: z.string().optional(),
    metadata: z.string().optional(),
    fields: z.string().optional(),
  }),
  success: {
    status: 200,
    body: z.union([
      z.array(MachineInfo),
      z.object({ items: z.array(PartialMachine), has_next: z.boolean(), next_token: z.string().optional() }),
    ]),
  },
  errors: ['invalid_request', 'invalid_fields', 'unauthorized'],
})

export const getMachine = route({
  id: 'getMachine',
  method: 'GET',
  path: '/v1/machines/{id}',
  summary: 'Read a machine; never wakes it.',
  access: 'key',
  params: MachineParams,
  query: z.strictObject({ fields: z.string().optional() }),
  success: { status: 200, body: PartialMachine },
  errors: ['invalid_fields', 'unauthorized', 'machine_not_found'],
})

export const destroyMachine = route({
  id: 'destroyMachine',
  method: 'DELETE',
  path: '/v1/machines/{id}',
  summary: 'Destroy a machine and everything in it.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.object({ id: z.string(), status: z.literal('destroyed') }) },
  errors: ['unauthorized', 'machine_not_found', 'transition_in_progress'],
})
