// What happens to a machine between create and destroy.

import type { App } from '../app/context.ts'
import { forkMachine } from '../app/forks.ts'
import { getLineage } from '../app/lineage.ts'
import { hibernateMachine } from '../app/pause.ts'
import { resumeMachine } from '../app/resume.ts'
import { setTimeout } from '../app/timeouts.ts'
import type { Handlers } from './implement.ts'
import { viewOf } from './machines.ts'
import { snapshotView } from './snapshots.ts'

type LifecycleHandlers = Pick<
  Handlers,
  'hibernateMachine' | 'resumeMachine' | 'forkMachine' | 'forkMachineMany' | 'setTimeout' | 'getLineage'
>

export function lifecycleHandlers(app: App): LifecycleHandlers {
  const view = viewOf(app)
  return {
    async hibernateMachine({ principal, params }) {
      return snapshotView(await hibernateMachine(app, principal, params.id))
    },
    async resumeMachine({ principal, params }) {
      return view(await resumeMachine(app, principal, params.id))
    },
    async forkMachine({ principal, params, headers }) {
      const [child] = await forkMachine(app, principal, params.id, { count: 1, idempotencyKey: headers['idempotency-key'] })
      if (!child) throw new Error('a fork of one has no child')
      return view(child)
    },
    async forkMachineMany({ principal, params, headers, body }) {
      const request = { count: body.count, idempotencyKey: headers['idempotency-key'] }
      return { items: (await forkMachine(app, principal, params.id, request)).map(view) }
    },
    async setTimeout({ principal, params, body }) {
      const { timeout_ms, timeout_action, timeout_at, remaining_ms } = view(await setTimeout(app, principal, params.id, body))
      return { timeout_ms, timeout_action, timeout_at, remaining_ms }
    },
    getLineage: ({ principal, params }) => getLineage(app, principal, params.id),
  }
}
