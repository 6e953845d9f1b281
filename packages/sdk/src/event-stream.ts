// The stream of lifecycle events over any number of connections, as if it were one.

import { CHANNELS } from '@nullspace/contract/channels.ts'
import {
  LifecycleEvent as WireEvent,
  listLifecycleEvents,
  listMachineLifecycleEvents,
  type SubscribeFrame,
} from '@nullspace/contract/events.ts'
import { checked } from './checked.ts'
import { Client, type Connection } from './client.ts'
import { MachineError } from './errors.ts'
import type { LifecycleEvent } from './lifecycle.ts'
import { fromWire } from './naming.ts'
import { connections } from './reconnect.ts'

export interface StreamEventsOptions extends Connection {
  readonly machineId?: string | undefined
  readonly snapshotId?: string | undefined
  readonly operation?: LifecycleEvent['operation'] | undefined
  readonly status?: LifecycleEvent['status'] | undefined
  /** Only events whose metadata has all these pairs. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Begin with what came after this event, however much that is. */
  readonly afterEventId?: string | undefined
  /** Begin with the newest so many of the past, 0 to 1000; default 100. */
  readonly replayLimit?: number | undefined
  /** Nothing of the past. Default false. */
  readonly liveOnly?: boolean | undefined
}

const LONGEST_REPLAY = 1000

export async function* streamEvents(options: StreamEventsOptions): AsyncGenerator<LifecycleEvent, void, undefined> {
  const client = Client.of(options)
  const { machineId, signal } = options
  const newest = (): Promise<string | undefined> => newestEventId(client, options)
  const filter = filterOf(options)
  // The past begins here for a stream that shows none of it, so that a loss before its first event leaves no gap.
  let last = options.afterEventId ?? (showsNoPast(options) ? await newest() : undefined)
  let next: SubscribeFrame = { ...filter, ...beginning(options) }
  const attempts = connections({
    open: () =>
      machineId === undefined
        ? client.open(CHANNELS.lifecycleWebsocketUpgrade, {}, signal)
        : client.open(CHANNELS.machineLifecycleWebsocketUpgrade, { id: machineId }, signal),
    ask: newest,
    wait: (ms, stop) => client.wait(ms, stop),
    signal,
  })
  for await (const { channel, accepted } of attempts) {
    channel.send(next)
    for await (const frame of channel) {
      const { type, event, message } = frame as { type?: unknown; event?: unknown; message?: unknown }
      if (type === 'error') throw new MachineError(String(message), { code: 'invalid_request', retryable: false })
      if (type === 'subscribed') {
        accepted()
        // There was no past to leave out: whatever the next connection has is new.
        if (last === undefined && showsNoPast(options)) next = { ...filter, live_only: false, replay_limit: LONGEST_REPLAY }
      }
      if (type !== 'event') continue
      const one = fromWire(WireEvent, checked(WireEvent, event, 'lifecycleWebsocketUpgrade'))
      if (one.id === last) continue
      last = one.id
      yield one
    }
    if (last !== undefined) next = { ...filter, live_only: false, after_event_id: last }
  }
}

const showsNoPast = ({ liveOnly, replayLimit }: StreamEventsOptions): boolean => liveOnly === true || replayLimit === 0

function filterOf({ snapshotId, operation, status, metadata }: StreamEventsOptions): SubscribeFrame {
  return {
    type: 'subscribe',
    ...(snapshotId === undefined ? {} : { snapshot_id: snapshotId }),
    ...(operation === undefined ? {} : { operation }),
    ...(status === undefined ? {} : { status }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  }
}

function beginning({ afterEventId, liveOnly = false, replayLimit }: StreamEventsOptions): Partial<SubscribeFrame> {
  if (afterEventId === undefined) return { live_only: liveOnly, replay_limit: replayLimit ?? 100 }
  // What came after an event is not cut short unless that is asked for.
  return { live_only: liveOnly, after_event_id: afterEventId, ...(replayLimit === undefined ? {} : { replay_limit: replayLimit }) }
}

/** Also finds out whether the daemon would refuse: unknown key, no such machine. */
async function newestEventId(client: Client, { machineId, signal, requestTimeoutMs }: StreamEventsOptions): Promise<string | undefined> {
  const query = { limit: 1, order: 'desc' } as const
  const call = { signal, requestTimeoutMs }
  const { events } =
    machineId === undefined
      ? await client.call(listLifecycleEvents, { query }, call)
      : await client.call(listMachineLifecycleEvents, { params: { id: machineId }, query }, call)
  return events[0]?.id
}
