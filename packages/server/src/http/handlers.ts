// All handlers, put together.

import { TEMPLATE_FIELDS } from '@nullspace/contract/templates.ts'
import type { App } from '../app/context.ts'
import { type DaemonFacts, hostStatus } from '../app/host-status.ts'
import { collectGarbage } from '../app/garbage.ts'
import { createKey, listKeys, revokeKey } from '../app/keys.ts'
import { getQuota, setQuota } from '../app/quotas.ts'
import { listTemplates } from '../app/templates.ts'
import { gitHandlers } from './git.ts'
import { fileHandlers } from './files.ts'
import type { Handlers } from './implement.ts'
import { fieldMask, masked } from './machine-view.ts'
import { lifecycleEventHandlers } from './lifecycle-events.ts'
import { lifecycleHandlers } from './lifecycle.ts'
import { machineHandlers } from './machines.ts'
import { processHandlers } from './processes.ts'
import { snapshotHandlers } from './snapshots.ts'
import { uploadHandlers } from './uploads.ts'
import { usageHandlers } from './usage.ts'
import { webhookHandlers } from './webhooks.ts'

export function handlers(app: App, daemon: DaemonFacts): Handlers {
  return {
    ...machineHandlers(app),
    ...processHandlers(app),
    ...fileHandlers(app),
    ...gitHandlers(app),
    ...lifecycleHandlers(app),
    ...snapshotHandlers(app),
    ...lifecycleEventHandlers(app),
    ...webhookHandlers(app),
    ...uploadHandlers(app),
    ...usageHandlers(app),
    healthCheck: async () => ({ status: 'ok' }),
    getHostStatus: () => hostStatus(app, daemon),
    async listTemplates({ query }) {
      const mask = fieldMask(query.fields, TEMPLATE_FIELDS)
      return listTemplates(app).map((template) => masked(template, mask))
    },
    getQuota: ({ principal, params }) => getQuota(app, principal, params.owner),
    setQuota: ({ principal, params, body }) => setQuota(app, principal, params.owner, body),
    collectGarbage: async ({ body }) => ({ dry_run: body.dry_run, items: await collectGarbage(app, body.dry_run) }),
    createApiKey: ({ principal, body }) => createKey(app, principal, body),
    listApiKeys: ({ principal }) => listKeys(app, principal),
    async revokeApiKey({ principal, params }) {
      await revokeKey(app, principal, params.id)
      return { success: true }
    },
  }
}
