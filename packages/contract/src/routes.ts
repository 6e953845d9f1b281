// All routes. What is listed here is mounted, documented, and swept by the coverage tests.

import { execCommand } from './commands.ts'
import { getHostStatus, healthCheck } from './host.ts'
import { createKey, listKeys, revokeKey } from './keys.ts'
import { createMachine, destroyMachine, getMachine, listMachines } from './machines.ts'
import { listTemplates } from './templates.ts'

/** Keyed by each route’s id. */
export const ROUTES = {
  healthCheck,
  getHostStatus,
  createMachine,
  listMachines,
  getMachine,
  destroyMachine,
  execCommand,
  listTemplates,
  createApiKey: createKey,
  listApiKeys: listKeys,
  revokeApiKey: revokeKey,
} as const

export type Routes = typeof ROUTES
