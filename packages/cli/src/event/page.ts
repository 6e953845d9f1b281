// A page of lifecycle events: which, and how it is shown. Shared by `event list` and `machine events`.

import { LIFECYCLE_OPERATIONS, LifecycleStatus, type LifecycleEvent, type LifecycleEventList } from '@nullspace/contract/events.ts'
import type { Context } from '../core/command.ts'
import { choice, text, whole, type ValuesOf } from '../core/options.ts'
import { moment, table } from '../core/table.ts'

export const kindOptions = {
  operation: choice('--operation <name>', 'Only of this operation', LIFECYCLE_OPERATIONS),
  status: choice('--status <status>', 'Only with this status', LifecycleStatus.options),
}

export const pageOptions = {
  ...kindOptions,
  from: text('--from-time <time>', 'Not before this time, RFC 3339'),
  to: text('--to-time <time>', 'Not after this time, RFC 3339'),
  order: choice('--order <order>', 'Newest first is desc (default: desc)', ['asc', 'desc']),
  limit: whole('--limit <n>', 'At most so many, 1 to 100 (default: 50)'),
  offset: whole('--offset <n>', 'Pass over so many first', 0),
}

/** Only what was given; the daemon says what is wrong with it. */
export function pageQuery({ operation, status, from, to, order, limit, offset }: ValuesOf<typeof pageOptions>) {
  return {
    ...(operation && { operation }),
    ...(status && { status }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(order && { order }),
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
  }
}

export function showPage({ events, offset, has_more }: LifecycleEventList, { io, note }: Pick<Context<unknown>, 'io' | 'note'>): void {
  if (events.length === 0) return note('no events')
  io.stdout.write(table(['time', 'operation', 'status', 'of', 'by', 'remark'], events.map(eventCells)))
  if (has_more) note(`there are more: --offset ${offset + events.length}`)
}

export function eventCells(event: LifecycleEvent): string[] {
  const { occurred_at, operation, status, actor_kind, machine_id, snapshot_id, target_machine_id, source_machine_id } = event
  const parts = [
    source_machine_id !== undefined && source_machine_id !== machine_id && `from ${source_machine_id}`,
    target_machine_id !== undefined && target_machine_id !== machine_id && `to ${target_machine_id}`,
    snapshot_id !== undefined && machine_id !== undefined && snapshot_id,
    event.reason,
    event.error_code !== undefined && `${event.error_code}: ${event.error_message ?? ''}`,
  ]
  const remark = parts.filter((part) => typeof part === 'string' && part !== '').join('; ')
  return [moment(occurred_at), operation, status, machine_id ?? snapshot_id ?? '-', actor_kind, remark]
}
