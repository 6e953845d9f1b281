// All handlers, put together.

import { TEMPLATE_FIELDS } from '@nullspace/contract/templates.ts'
import type { App } from '../app/context.ts'
import { type DaemonFacts, hostStatus } from '../app/host-status.ts'
import { createKey, listKeys, revokeKey } from '../app/keys.ts'
import { listTemplates } from '../app/templates.ts'
import type { Handlers } from './implement.ts'
import { fieldMask, masked } from './machine-view.ts'
import { machineHandlers } from './machines.ts'

export function handlers(app: App, daemon: DaemonFacts): Handlers {
  return {
    ...machineHandlers(app),
    healthCheck: async () => ({ status: 'ok' }),
    getHostStatus: () => hostStatus(app, daemon),
    async listTemplates({ query }) {
      const mask = fieldMask(query.fields, TEMPLATE_FIELDS)
      return listTemplates(app).map((template) => masked(template, mask))
    },
    createApiKey: ({ principal, body }) => createKey(app, principal, body),
    listApiKeys: ({ principal }) => listKeys(app, principal),
    async revokeApiKey({ principal, params }) {
      await revokeKey(app, principal, params.id)
      return { success: true }
    },
  }
}
