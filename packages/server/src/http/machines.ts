// /v1/machines and what hangs on it.

import { AppError } from '@nullspace/contract/errors.ts'
import { MACHINE_STATES, type MachineState } from '@nullspace/contract/states.ts'
import { exec } from '../app/commands.ts'
import type { App } from '../app/context.ts'
import { destroyMachine } from '../app/destroy.ts'
import { createMachine } from '../app/create.ts'
import { getMachine, listMachines, type ListRequest } from '../app/machines.ts'
import type { Machine } from '../domain/machine.ts'
import { decodeToken, encodeToken } from './page-token.ts'
import type { Handlers } from './implement.ts'
import { fieldMask, machineView, masked } from './machine-view.ts'

type MachineHandlers = Pick<Handlers, 'createMachine' | 'listMachines' | 'getMachine' | 'destroyMachine' | 'execCommand'>

const DEFAULT_LIMIT = 50
/** Of a metadata filter; each is a condition of the query. */
const MOST_PAIRS = 64

/** A machine as it is shown now. */
export const viewOf = (app: App) => (machine: Machine) =>
  machineView(machine, { now: app.clock.now(), lastActiveAt: app.activity.lastAt(machine.id) })

export function machineHandlers(app: App): MachineHandlers {
  const view = viewOf(app)
  return {
    async createMachine({ principal, body, headers }) {
      return view(await createMachine(app, principal, { input: body, idempotencyKey: headers['idempotency-key'] }))
    },
    async listMachines({ principal, query }) {
      if (Object.values(query).every((value) => value === undefined)) {
        return (await listMachines(app, principal, {})).machines.map(view)
      }
      const mask = fieldMask(query.fields)
      const { machines, next } = await listMachines(app, principal, listRequest(query))
      return {
        items: machines.map((machine) => masked(view(machine), mask)),
        has_next: next !== null,
        ...(next === null ? {} : { next_token: encodeToken(next) }),
      }
    },
    async getMachine({ principal, params, query }) {
      const mask = fieldMask(query.fields)
      return masked(view(await getMachine(app, principal, params.id)), mask)
    },
    async destroyMachine({ principal, params }) {
      await destroyMachine(app, principal, params.id)
      return { id: params.id, status: 'destroyed' }
    },
    execCommand: ({ principal, params, body }) => exec(app, principal, params.id, body),
  }
}

function listRequest(query: {
  state?: string | undefined
  limit?: number | undefined
  next_token?: string | undefined
  template?: string | undefined
  metadata?: string | undefined
}): ListRequest {
  const after = query.next_token === undefined ? undefined : decodeToken(query.next_token)
  if (after === null) throw invalid('next_token', 'is not a token of this list')
  return {
    limit: query.limit ?? DEFAULT_LIMIT,
    ...(after === undefined ? {} : { after }),
    ...(query.state === undefined ? {} : { states: states(query.state) }),
    ...(query.template === undefined ? {} : { template: query.template }),
    ...(query.metadata === undefined ? {} : { metadata: metadataFilter(query.metadata) }),
  }
}

function states(text: string): MachineState[] {
  return text.split(',').map((part) => {
    const state = MACHINE_STATES.find((known) => known === part.trim())
    if (!state) throw invalid('state', `must be a comma-separated list of ${MACHINE_STATES.join(', ')}`)
    return state
  })
}

/** The pairs that a `metadata` query asks for. */
export function metadataFilter(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      if (Object.keys(value).length <= MOST_PAIRS) return value as Record<string, unknown>
      throw invalid('metadata', `must have at most ${MOST_PAIRS} pairs`)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
  }
  throw invalid('metadata', 'must be a JSON object')
}

function invalid(field: string, what: string): AppError {
  return new AppError('invalid_request', { say: `${field}: ${what}.`, details: { field } })
}
