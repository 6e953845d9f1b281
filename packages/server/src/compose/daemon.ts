// One daemon: constructed from its parts, started, drained. main.ts gives it a process; tests give it a world.

import { randomBytes } from 'node:crypto'
import type { CheckResult } from '@nullspace/contract/host.ts'
import { UPLOAD_LIMITS } from '@nullspace/contract/uploads.ts'
import type { Quota } from '@nullspace/contract/quotas.ts'
import type { FastifyInstance } from 'fastify'
import { Activity } from '../app/activity.ts'
import type { App } from '../app/context.ts'
import { explain } from '../app/failures.ts'
import { EventTail } from '../app/event-tail.ts'
import { Monitor } from '../app/monitor.ts'
import { Outbox } from '../app/outbox.ts'
import { recover } from '../app/recover.ts'
import { SnapshotUses } from '../app/snapshot-uses.ts'
import { UploadGates } from '../app/uploads-gate.ts'
import { UsageLog } from '../app/usage.ts'
import { systemClock, type Clock } from '../domain/clock.ts'
import type { Shape } from '../domain/machine.ts'
import type { Host } from '../host/host.ts'
import { handlers } from '../http/handlers.ts'
import { createHttpServer } from '../http/server.ts'
import type { SocketRules } from '../http/ws/socket.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Op } from '../observe/op.ts'
import { VERSION } from '../observe/version.ts'
import { deadlines } from '../reconcilers/deadlines.ts'
import { held, lost, promisedShapes, unfinished, upkeep } from '../reconcilers/machines.ts'
import { type Running, startReconciler } from '../reconcilers/reconciler.ts'
import { retention } from '../reconcilers/retention.ts'
import { uploads } from '../reconcilers/uploads.ts'
import { usage } from '../reconcilers/usage.ts'
import { webhookSender } from '../reconcilers/webhooks.ts'
import type { Db } from '../store/db.ts'
import type { WorkflowContext } from '../workflows/context.ts'
import { createWorkflow } from '../workflows/create.ts'
import { type StepHooks, WorkflowEngine } from '../workflows/engine.ts'
import { KeyedLock } from '../workflows/keyed-lock.ts'
import { branchWorkflow, forkWorkflow } from '../workflows/fork.ts'
import { hibernateWorkflow, parkWorkflow } from '../workflows/hibernate.ts'
import { discardWorkflow, resumeWorkflow } from '../workflows/resume.ts'
import { copySnapshotWorkflow, snapshotWorkflow } from '../workflows/snapshot.ts'
import { destroyWorkflow, failWorkflow } from '../workflows/teardown.ts'
import { Turnstile } from '../workflows/turnstile.ts'

const CLOSE_TIMEOUT_MS = 15_000

const WORKFLOWS = [
  createWorkflow,
  hibernateWorkflow,
  parkWorkflow,
  resumeWorkflow,
  snapshotWorkflow,
  copySnapshotWorkflow,
  forkWorkflow,
  branchWorkflow,
  discardWorkflow,
  destroyWorkflow,
  failWorkflow,
]

export interface DaemonParts {
  readonly db: Db
  readonly host: Host
  readonly checks: () => Promise<CheckResult[]>
  readonly promisedShapes: readonly Shape[]
  readonly startWidth: number
  readonly defaultQuota: Quota
  readonly eventsKeptDays: number
  readonly metricsEveryMs: number
  readonly webhookPrivateTargets: boolean
  /** Signs addresses of files; without one they end with the daemon. */
  readonly fileUrlKey?: Uint8Array
  readonly metrics: Metrics
  readonly log: Logger
  readonly clock?: Clock
  readonly hooks?: StepHooks
  /** For tests, which cannot wait for a ping. */
  readonly socketRules?: Partial<SocketRules>
}

export interface Daemon {
  readonly app: App
  readonly http: FastifyInstance
  /** Finds machines again and begins the background work; before requests are taken. */
  start(): Promise<void>
  /** Ends the background work; what is under way settles on its own. */
  stop(): Promise<void>
  /** Refuses new work, gives requests in flight `ms`, stops. Machines run on. */
  drain(ms: number): Promise<void>
}

export function createDaemon(parts: DaemonParts): Daemon {
  const { db, host, metrics, log, clock = systemClock } = parts
  const random = (bytes: number): Uint8Array => randomBytes(bytes)
  const outbox = new Outbox(clock)
  const tail = new EventTail({ db, outbox, log })
  const starts = new Turnstile(parts.startWidth)
  const deps = { db, clock, log, metrics, explain, ...(parts.hooks ? { hooks: parts.hooks } : {}) }
  const engine = new WorkflowEngine<WorkflowContext>(
    deps,
    { db, host, clock, random, starts, emit: (tx, event) => outbox.emit(tx, event) },
    WORKFLOWS,
  )
  const app: App = {
    db,
    host,
    engine,
    lock: new KeyedLock(),
    starts,
    activity: new Activity(),
    outbox,
    tail,
    usage: new UsageLog({ host, clock, everyMs: parts.metricsEveryMs }),
    uploadGates: new UploadGates(UPLOAD_LIMITS.concurrency),
    monitor: new Monitor({ db, tail, log }),
    webhookPrivateTargets: parts.webhookPrivateTargets,
    snapshotUses: new SnapshotUses(),
    defaultQuota: parts.defaultQuota,
    fileUrlKey: parts.fileUrlKey ?? random(32),
    clock,
    random,
    log,
    metrics,
    promisedShapes: parts.promisedShapes,
    lifecycle: { draining: false },
  }
  const http = createHttpServer(app, handlers(app, { version: VERSION, startedAt: clock.now(), checks: parts.checks }), parts.socketRules)
  const sender = webhookSender(app)
  let background: Running[] = []
  const stop = async (): Promise<void> => {
    await Promise.all([sender.close(), ...background.map((reconciler) => reconciler.stop())])
  }
  return {
    stop,
    app,
    http,
    async start() {
      await recover(app)
      const deaths = { reasons: new Map<string, string>() }
      const sending = startReconciler(sender, log)
      outbox.onEvents(sending.nudge)
      const others = [
        deadlines(app),
        lost(app, deaths),
        held(app),
        unfinished(app),
        upkeep(app),
        promisedShapes(app),
        usage(app),
        uploads(app),
        retention(app, { days: parts.eventsKeptDays }),
      ]
      background = [sending, ...others.map((reconciler) => startReconciler(reconciler, log))]
      host.onVmExit((machineId, reason) => {
        deaths.reasons.set(machineId, reason)
        for (const reconciler of background) reconciler.nudge()
      })
      for (const reconciler of background) reconciler.nudge()
    },
    async drain(ms) {
      app.lifecycle.draining = true
      const closed = http.close()
      // One whose answer is out while we wait would be kept open for a next request, and hold up the end for all of `ms`.
      const idle = setInterval(() => http.server.closeIdleConnections(), 50)
      await Promise.race([Promise.all([stop(), closed, app.lock.idle()]), new Promise((resolve) => setTimeout(resolve, ms).unref())])
      clearInterval(idle)
      await app.activity.flush(db).catch((error: unknown) => log.warn({ err: error }, 'the last activity was not noted'))
      using op = new Op('close the host', { timeoutMs: CLOSE_TIMEOUT_MS })
      await host.close(op)
    },
  }
}
