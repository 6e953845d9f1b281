import { createMachine } from '@nullspace/contract/machines.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import { CREATE_DEFAULTS, defaultMemoryMb } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { choice, flag, jsonObject, many, text, toggle, whole, type ValuesOf } from '../core/options.ts'
import { duration, memory } from '../core/table.ts'
import { machineOptions, merged } from './create-options.ts'
import { parseVolume } from './volume.ts'

const options = {
  ...machineOptions,
  timeout: whole('--timeout <seconds>', `Life of the machine, seconds (default: ${CREATE_DEFAULTS.timeout})`),
  onTimeout: choice('--on-timeout <what>', 'What happens then (default: destroy)', ['destroy', 'pause']),
  timeoutAction: choice('--timeout-action <what>', 'The same in the words of the API', ['destroy', 'hibernate']),
  autoResume: toggle('auto-resume', 'Resume it when it is used while paused; needs --on-timeout pause'),
  inactivityTimeoutMs: whole('--inactivity-timeout-ms <ms>', 'The same end, but after so long without use'),
  autoDeleteAfterMs: whole('--auto-delete-after-ms <ms>', 'Destroy it when it was paused for so long'),
  ephemeral: flag('--ephemeral', 'Destroyed at its timeout, never paused by it'),
  networkJson: jsonObject('--network-json <object>', 'Network policy'),
  warmPool: text('--warm-pool <id>', 'Take a ready machine from this pool'),
  warmPoolMode: choice('--warm-pool-mode <mode>', 'What when it is empty', ['prefer', 'require', 'bypass']),
  warmPoolWait: whole('--warm-pool-wait <ms>', 'How long to wait for it, ms', 0),
  volume: many('--volume <spec>', 'Mount ref=..,mount=..[,subpath=..][,ro=true]', parseVolume),
  resolution: text('--resolution <WxH>', 'Screen of a desktop'),
  dpi: whole('--dpi <n>', 'Dots per inch of a desktop'),
  display: text('--display <name>', 'X display of a desktop'),
  idempotencyKey: text('--idempotency-key <key>', 'Makes repeats of this command give the same machine'),
}

export const machineCreate = defineCommand({
  path: 'machine create',
  summary: 'Create a machine; answers when commands work in it.',
  options,
  examples: [
    'nullspace machine create',
    'nullspace machine create --template base --timeout 3600 --env TOKEN=abc --metadata job=17',
    'nullspace machine create --snapshot-id snap_abc',
    'nullspace machine create --timeout 600 --on-timeout pause --auto-resume',
    'ID=$(nullspace machine create) && nullspace machine exec $ID uname -- -a',
  ],
  run({ client, args, io, json, note }) {
    if (io.stderr.isTTY && !json) note('creating a machine')
    return client.call(createMachine, { body: bodyOf(args) }, { signal: io.signal, idempotencyKey: args.idempotencyKey })
  },
  render({ id, status, template, config, remaining_ms }, { io, note }) {
    io.stdout.write(`${id}\n`)
    const left = remaining_ms === undefined ? '' : `, ${duration(remaining_ms)} left`
    note(`${status}: ${template}, ${config.vcpus} vCPU, ${memory(config.memory_mb)}${left}`)
  },
})

type Args = ValuesOf<typeof options>
type Body = RouteInput<typeof createMachine>

/** Whatever was asked for is sent, also what a daemon may not have: it refuses, nothing is dropped here. */
function bodyOf(args: Args): Body {
  const template = args.template ?? CREATE_DEFAULTS.template
  const size: Body = args.snapshotId
    ? { snapshot_id: args.snapshotId, template: args.template, vcpus: args.vcpus, memory_mb: args.memory }
    : { template, vcpus: args.vcpus ?? CREATE_DEFAULTS.vcpus, memory_mb: args.memory ?? defaultMemoryMb(template) }
  const envs = merged(args.envJson, args.env)
  const body: Body = {
    ...size,
    disk_mb: args.disk,
    timeout_ms: (args.timeout ?? CREATE_DEFAULTS.timeout) * 1000,
    timeout_action: args.timeoutAction,
    lifecycle: args.onTimeout && { on_timeout: args.onTimeout },
    inactivity_timeout_ms: args.inactivityTimeoutMs,
    auto_delete_after_ms: args.autoDeleteAfterMs,
    ephemeral: args.ephemeral,
    auto_resume: args.autoResume,
    cwd: args.cwd,
    // The daemon says so when a value of --env-json is no text.
    envs: envs as Body['envs'],
    metadata: merged(args.metadataJson, args.metadata),
    internet_access: args.internetAccess,
    network: args.networkJson && { ...args.networkJson },
    warm_pool: some({ id: args.warmPool, mode: args.warmPoolMode, wait_ms: args.warmPoolWait }),
    volumes: args.volume,
    desktop: some({ resolution: args.resolution && parseResolution(args.resolution), dpi: args.dpi, display: args.display }),
  }
  return some(body) ?? {}
}

/** Without the keys that have no value; undefined when none has. */
function some<T extends object>(object: T): T | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T)
}

function parseResolution(value: string): { width: number; height: number } {
  const [, width, height] = /^(\d+)x(\d+)$/i.exec(value) ?? []
  if (width === undefined || height === undefined) throw usageError(`--resolution must be WIDTHxHEIGHT, not "${value}"`)
  return { width: Number(width), height: Number(height) }
}
