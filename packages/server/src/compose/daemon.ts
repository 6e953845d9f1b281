// One daemon: constructed from its parts, started, drained. main.ts gives it a process; tests give it a world.

import { randomBytes } from 'node:crypto'
import type { CheckResult } from '@nullspace/contract/host.ts'
import type { FastifyInstance } from 'fastify'
import { Activity } from '../app/activity.ts'
import type { App } from '../app/context.ts'
import { recover } from '../app/recover.ts'
import { Turnstile } from '../app/turnstile.ts'
import { systemClock, type Clock } from '../domain/clock.ts'
import type { Shape } from '../domain/machine.ts'
import type { Host } from '../host/host.ts'
import { handlers } from '../http/handlers.ts'
import { createHttpServer } from '../http/server.ts'
import type { Logger } from '../observe/logger.ts'
import { createMetrics } from '../observe/metrics.ts'
import { Op } from '../observe/op.ts'
import { VERSION } from '../observe/version.ts'
import { expiry, held, lost, promisedShapes, unfinished, upkeep } from '../reconcilers/machines.ts'
import { type Running, startReconciler } from '../reconcilers/reconciler.ts'
import type { Db } from '../store/db.ts'
import type { WorkflowContext } from '../workflows/context.ts'
import { createWorkflow } from '../workflows/create.ts'
import { type StepHooks, WorkflowEngine } from '../workflows/engine.ts'
import { KeyedLock } from '../workflows/keyed-lock.ts'
import { destroyWorkflow, failWorkflow } from '../workflows/teardown.ts'

const CLOSE_TIMEOUT_MS = 15_000

export interface DaemonParts {
  readonly db: Db
  readonly host: Host
  readonly checks: () => Promise<CheckResult[]>
  readonly promisedShapes: readonly Shape[]
  readonly startWidth: number
  readonly log: Logger
  readonly clock?: Clock
  readonly hooks?: StepHooks
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
  const { db, host, log, clock = systemClock } = parts
  const metrics = createMetrics()
  const random = (bytes: number): Uint8Array => randomBytes(bytes)
  const deps = { db, clock, log, metrics, ...(parts.hooks ? { hooks: parts.hooks } : {}) }
  const engine = new WorkflowEngine<WorkflowContext>(deps, { db, host, clock, random }, [createWorkflow, destroyWorkflow, failWorkflow])
  const app: App = {
    db,
    host,
    engine,
    lock: new KeyedLock(),
    starts: new Turnstile(parts.startWidth),
    activity: new Activity(),
    clock,
    random,
    log,
    metrics,
    promisedShapes: parts.promisedShapes,
    lifecycle: { draining: false },
  }
  const http = createHttpServer(app, handlers(app, { version: VERSION, startedAt: clock.now(), checks: parts.checks }))
  let background: Running[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(background.map((reconciler) => reconciler.stop()))
  }
  return {
    stop,
    app,
    http,
    async start() {
      await recover(app)
      const deaths = { reasons: new Map<string, string>() }
      background = [expiry(app), lost(app, deaths), held(app), unfinished(app), upkeep(app), promisedShapes(app)].map((reconciler) =>
        startReconciler(reconciler, log),
      )
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
