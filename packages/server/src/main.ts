// The composition root: reads the configuration, makes the parts, gives them to a daemon, and a process to that.
//   main.ts serve            run the daemon in the foreground
//   main.ts doctor --json    look at the host and say what is missing

import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULTS } from '@nullspace/contract/machines.ts'
import { makeKey, OPERATOR } from './app/keys.ts'
import { type Config, readConfig } from './config.ts'
import {
  type ClientConfig,
  fileUrlKey,
  holdDataDir,
  operatorKeyPath,
  readOperatorKey,
  removeRecord,
  runningDaemon,
  startTimeOf,
  writeClientConfig,
  writeOperatorKey,
  writeRecord,
} from './compose/files.ts'
import { createDaemon } from './compose/daemon.ts'
import type { Shape } from './domain/machine.ts'
import { assembleHost, examineHost, type HostSettings } from './compose/assemble.ts'
import { listen } from './http/listen.ts'
import { createLogger, type Logger } from './observe/logger.ts'
import { createMetrics, observeCapture } from './observe/metrics.ts'
import { Op } from './observe/op.ts'
import { VERSION } from './observe/version.ts'
import { type Db, openDb } from './store/db.ts'
import { listKeys } from './store/tables/keys.ts'
import { crashAt } from './workflows/crash.ts'

const SET_UP_TIMEOUT_MS = 180_000

const verb = process.argv[2] ?? 'serve'
if (verb === 'serve') await serve(readConfig())
else if (verb === 'doctor') await doctor(readConfig())
else {
  console.error(`unknown verb ${verb}; use serve or doctor`)
  process.exit(2)
}

async function serve(config: Config): Promise<void> {
  // Machines' users must pass through directories that are made with a mode of their own; what is secret has one too.
  process.umask(0o022)
  const log = createLogger({ level: config.log_level })
  await mkdir(config.dataDir, { recursive: true, mode: 0o711 })
  if (!holdDataDir(config.dataDir)) {
    const other = await runningDaemon(config.dataDir)
    log.fatal({ pid: other?.pid, url: other?.url }, `a daemon runs on ${config.dataDir} already`)
    process.exit(3)
  }
  await removeRecord(config.dataDir)
  log.info({ version: VERSION, config: redacted(config) }, 'starting')
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))

  const db = await openDb(join(config.dataDir, 'nullspace.db'))
  const metrics = createMetrics()
  using op = new Op('set up the host', { timeoutMs: SET_UP_TIMEOUT_MS })
  const { host, checks, setUp } = await assembleHost(op, hostSettings(config, log, observeCapture(metrics)))
  await setUp(op)
  const daemon = createDaemon({
    db,
    host,
    checks,
    promisedShapes: promisedShapes(config),
    startWidth: config.startWidth,
    defaultQuota: config.quota,
    eventsKeptDays: config.events_kept_days,
    metricsEveryMs: config.metrics_every_ms,
    webhookPrivateTargets: config.webhook_private_targets,
    fileUrlKey: await fileUrlKey(config.dataDir),
    metrics,
    log,
    ...(config.crash_at === undefined ? {} : { hooks: crashAt(config.crash_at) }),
  })
  await daemon.start()
  const url = await listen(daemon.http, { host: config.host, port: config.port })
  await announce(config, db, url, log)

  let stopping = false
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'draining')
    await daemon.drain(config.drain_ms)
    await removeRecord(config.dataDir)
    await db.destroy()
    log.info('stopped; machines run on')
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))
}

/** Address and key, where the CLI and the SDKs on this box look for them. */
async function announce(config: Config, db: Db, url: string, log: Logger): Promise<void> {
  const key = await operatorKey(config, db)
  const clientConfig = await tellClients(config, { api_key: key, base_url: url }, log)
  await writeRecord(config.dataDir, {
    pid: process.pid,
    start_time: startTimeOf(process.pid) ?? '',
    url,
    version: VERSION,
    client_config: clientConfig,
  })
  log.info({ url, client_config: clientConfig, key_file: operatorKeyPath(config.dataDir) }, 'ready')
}

/** Answers the file that they read; null when it is none. */
async function tellClients(
  { clientConfig: path, ownsClientConfig: own }: Config,
  values: ClientConfig,
  log: Logger,
): Promise<string | null> {
  if (path === null) return null
  try {
    if (await writeClientConfig(path, values, own)) return path
    log.warn({ client_config: path }, 'the client configuration names another daemon and is left as it is')
  } catch (error) {
    log.error({ err: error }, 'the client configuration could not be written')
  }
  return null
}

/** Made at the first start. A database that knows no operator key, or a lost key file, gets a new one. */
async function operatorKey(config: Config, db: Db): Promise<string> {
  const known = await readOperatorKey(config.dataDir)
  const active = (await listKeys(db, null)).filter((row) => row.scope === OPERATOR && row.revoked_at === null)
  if (known && active.some((row) => known.startsWith(row.prefix))) return known
  const { key } = await makeKey(
    { db, random: (bytes) => randomBytes(bytes), now: Date.now() },
    { owner: OPERATOR, name: 'operator', scope: OPERATOR },
  )
  await writeOperatorKey(config.dataDir, key)
  return key
}

async function doctor(config: Config): Promise<void> {
  const checks = await examineHost(hostSettings(config, createLogger({ level: 'silent' }), () => {}))
  console.log(JSON.stringify({ checks }))
  process.exit(checks.some(({ level }) => level === 'failure') ? 1 : 0)
}

function hostSettings(config: Config, log: Logger, onCapture: HostSettings['onCapture']): HostSettings {
  return {
    ...config,
    spareSlots: config.spare_slots,
    spareMachines: config.spare_machines,
    promisedShapes: promisedShapes(config),
    addressBlock: config.address_block,
    dnsUpstreams: config.dns_upstreams,
    poolBytes: config.pool_gb === undefined ? null : config.pool_gb * 1024 ** 3,
    onCapture,
    log,
  }
}

function promisedShapes({ shapes }: Config): Shape[] {
  return shapes.map(({ vcpus, memory_mb }) => ({ template: DEFAULTS.template, vcpus, memoryMb: memory_mb }))
}

function redacted(config: Config): Record<string, unknown> {
  // No key of the configuration is a secret today; what becomes one is to be listed here.
  return { ...config }
}
