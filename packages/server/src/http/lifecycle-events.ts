// /v1/lifecycle/events, and the same of one machine or snapshot.

import type { EventPageQuery } from '@nullspace/contract/events.ts'
import type { z } from 'zod'
import type { App } from '../app/context.ts'
import { type EventListRequest, listEvents, listMachineEvents, listSnapshotEvents } from '../app/events.ts'
import type { Handlers } from './implement.ts'

type EventHandlers = Pick<Handlers, 'listLifecycleEvents' | 'listMachineLifecycleEvents' | 'listSnapshotLifecycleEvents'>

export function lifecycleEventHandlers(app: App): EventHandlers {
  return {
    async listLifecycleEvents({ principal, query }) {
      const page = pageOf(query)
      // All that is written is for customers.
      if (query.audience === 'internal') return { events: [], offset: page.offset, limit: page.limit, has_more: false }
      return listEvents(app, principal, {
        ...page,
        machineId: query.machine_id,
        snapshotId: query.snapshot_id,
        sourceMachineId: query.source_machine_id,
        targetMachineId: query.target_machine_id,
      })
    },
    listMachineLifecycleEvents: ({ principal, params, query }) => listMachineEvents(app, principal, params.id, pageOf(query)),
    listSnapshotLifecycleEvents: ({ principal, params, query }) => listSnapshotEvents(app, principal, params.id, pageOf(query)),
  }
}

function pageOf({ offset, limit, order, operation, status, from, to }: z.output<typeof EventPageQuery>): EventListRequest {
  return { offset, limit, order, operation, status, from: instant(from), to: instant(to) }
}

const instant = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text))
