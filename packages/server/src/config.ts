// Everything that can be set, from the environment and the data directory's config.json. The only reader of both.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism, homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Quota } from '@nullspace/contract/quotas.ts'
import { z } from 'zod'

const shape = z.strictObject({ vcpus: z.number().int().min(1), memory_mb: z.number().int().min(128) })

/** Keys of config.json; each can also be set as NULLSPACE_<UPPER CASE NAME>. */
export const ConfigFile = z.strictObject({
  host: z.string().default('127.0.0.1'),
  /** 0 = any free one. Left out: 3000, or the next free one. */
  port: z.coerce.number().int().min(0).max(65_535).optional(),
  driver: z.enum(['qemu', 'fake']).default('qemu'),
  accelerator: z.enum(['auto', 'kvm', 'tcg']).default('auto'),
  /** Where images/build.sh left kernel, initramfs and root filesystem of `base`. */
  image_dir: z.string().optional(),
  /** Built ahead, so that creating one is a restore. */
  shapes: z.array(shape).default([
    { vcpus: 1, memory_mb: 256 },
    { vcpus: 2, memory_mb: 512 },
  ]),
  /** Machines that may be starting at the same time; the others wait in line. */
  start_width: z.coerce.number().int().min(1).max(256).optional(),
  /** Network slots held ready. */
  spare_slots: z.coerce.number().int().min(0).max(256).default(8),
  /** Machines of each promised or recently used size held ready to be handed out; each takes about 0.1 GiB. */
  spare_machines: z.coerce.number().int().min(0).max(64).default(1),
  /** Block that machines' host-side addresses come from, CIDR; chosen within 100.64.0.0/10 when left out. */
  address_block: z.string().optional(),
  /** IPv4 addresses of the resolvers guests are sent to; the host's own when left out. */
  dns_upstreams: z.array(z.string()).optional(),
  /** Size of the storage pool's image where one is needed, GiB. */
  pool_gb: z.coerce.number().int().min(4).optional(),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Requests in flight get this long at a shutdown, ms. */
  drain_ms: z.coerce.number().int().min(0).default(20_000),
  /** File that the CLI and the SDKs on this box read address and key from; empty = do not write one. */
  client_config: z.string().optional(),
  /** What an owner may hold unless an operator says otherwise ("nullspace quota set"); null = no bound. */
  quota: Quota.default({ machines: 100, vcpus: 64, memory_mb: 65_536, snapshots: 200, disk_mb: 1_048_576 }),
  /** Lifecycle events, and the deliveries of webhooks with them, are forgotten after this. */
  events_kept_days: z.coerce.number().int().min(1).max(3650).default(30),
  /** Between two samples of what a machine uses, ms. */
  metrics_every_ms: z.coerce.number().int().min(1000).max(60_000).default(5000),
  /** Webhooks may be posted to private and loopback addresses, too. */
  webhook_private_targets: z.union([z.boolean(), z.stringbool()]).default(false),
  /** For tests: `kind:step:phase`, the point at which the daemon kills itself. */
  crash_at: z.string().optional(),
})

export interface Config extends z.output<typeof ConfigFile> {
  readonly dataDir: string
  readonly runRoot: string
  /** Four hex digits that name this data directory; several daemons may share a host. */
  readonly instance: string
  readonly uidBase: number
  readonly gid: number
  readonly imageDir: string
  readonly startWidth: number
  readonly clientConfig: string | null
  /** False: the file is nobody's in particular, and the daemon on the usual data directory is another. */
  readonly ownsClientConfig: boolean
}

type Env = Readonly<Record<string, string | undefined>>

/** Below the uids that systemd gives to containers' neighbours and above those of any distribution's users. */
const FIRST_UID = 0x71000000
const UIDS_PER_INSTANCE = 4096

/** Rejects with a sentence that names the key and where it came from. */
export function readConfig(env: Env = process.env): Config {
  const root = process.getuid?.() === 0
  const home = env['HOME'] ?? homedir()
  const usualDir = root ? '/var/lib/nullspace' : join(env['XDG_DATA_HOME'] ?? join(home, '.local/share'), 'nullspace')
  const dataDir = resolve(env['NULLSPACE_DATA_DIR'] ?? usualDir)
  const file = readFile(join(dataDir, 'config.json'))
  const parsed = ConfigFile.safeParse({ ...file, ...fromEnv(env) })
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]! // a failed parse has one
    throw new Error(`configuration: ${path.join('.')}: ${message} (in ${join(dataDir, 'config.json')} or the environment)`)
  }
  const values = parsed.data
  const instance = createHash('sha256').update(dataDir).digest('hex').slice(0, 4)
  const uidBase = FIRST_UID + (Number.parseInt(instance, 16) & 0xfff) * UIDS_PER_INSTANCE
  return {
    ...values,
    dataDir,
    instance,
    runRoot: join(root ? '/run' : (env['XDG_RUNTIME_DIR'] ?? tmpdir()), `nullspace-${instance}`),
    uidBase,
    gid: uidBase + UIDS_PER_INSTANCE - 1,
    imageDir: values.image_dir ?? join(dataDir, 'images/base'),
    // Two per core were best under emulation: a start is CPU-bound.
    startWidth: values.start_width ?? availableParallelism() * 2,
    clientConfig:
      values.client_config === ''
        ? null
        : (values.client_config ?? join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'nullspace/config.json')),
    ownsClientConfig: values.client_config !== undefined || dataDir === resolve(usualDir),
  }
}

/** JSON where a key is not plain text. */
const AS_JSON = new Set(['shapes', 'quota', 'dns_upstreams'])

function fromEnv(env: Env): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(ConfigFile.shape)) {
    const name = `NULLSPACE_${key.toUpperCase()}`
    const value = env[name]
    if (value === undefined) continue
    try {
      out[key] = AS_JSON.has(key) ? JSON.parse(value) : value
    } catch {
      throw new Error(`configuration: ${name} is not JSON`)
    }
  }
  return out
}

function readFile(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Error(`configuration: ${path} cannot be read`, { cause: error })
  }
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new Error(`configuration: ${path} is not JSON`, { cause: error })
  }
}
