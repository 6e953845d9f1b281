// Lifecycle events: what was asked of machines and snapshots, and what came of it. Listed, or streamed as they happen.

import {
  LifecycleEventList as WireEventList,
  listLifecycleEvents,
  listMachineLifecycleEvents,
  listSnapshotLifecycleEvents,
  type LifecycleEvent as WireEvent,
} from '@nullspace/contract/events.ts'
import { Client, type Connection } from './client.ts'
import { streamEvents, type StreamEventsOptions } from './event-stream.ts'
import { fromWire, snake, type Camel } from './naming.ts'

export type LifecycleEvent = Camel<WireEvent>
/** `hasMore`: the next page begins at `offset + limit`. */
export type LifecycleEventPage = Camel<WireEventList>

interface PageFilter {
  readonly offset?: number | undefined
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined
  /** Default `desc`: newest first. */
  readonly order?: 'asc' | 'desc' | undefined
  readonly operation?: LifecycleEvent['operation'] | undefined
  readonly status?: LifecycleEvent['status'] | undefined
  /** RFC 3339; both bounds are part of the range. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export interface ListThingEventsOptions extends Connection, PageFilter {}

export interface ListEventsOptions extends ListThingEventsOptions {
  readonly machineId?: string | undefined
  readonly snapshotId?: string | undefined
  /** Of a fork or a machine made from a snapshot: where it came from, and what it became. */
  readonly sourceMachineId?: string | undefined
  readonly targetMachineId?: string | undefined
}

const PAGE = ['offset', 'limit', 'order', 'operation', 'status', 'from', 'to'] as const
const FILTERS = ['machineId', 'snapshotId', 'sourceMachineId', 'targetMachineId'] as const

export const Lifecycle = {
  /** Events of all machines and snapshots of the key's owner. */
  async listEvents(options: ListEventsOptions = {}): Promise<LifecycleEventPage> {
    const query = { ...queryOf(options, PAGE), ...queryOf(options, FILTERS) }
    return fromWire(WireEventList, await Client.of(options).call(listLifecycleEvents, { query }, options))
  },

  /** Of one machine, as itself, as a source or as a child; also of one that is gone. @throws NotFoundError */
  async listMachineEvents(id: string, options: ListThingEventsOptions = {}): Promise<LifecycleEventPage> {
    const input = { params: { id }, query: queryOf(options, PAGE) }
    return fromWire(WireEventList, await Client.of(options).call(listMachineLifecycleEvents, input, options))
  },

  /** Of one snapshot; also of one that is gone. @throws NotFoundError */
  async listSnapshotEvents(id: string, options: ListThingEventsOptions = {}): Promise<LifecycleEventPage> {
    const input = { params: { id }, query: queryOf(options, PAGE) }
    return fromWire(WireEventList, await Client.of(options).call(listSnapshotLifecycleEvents, input, options))
  },

  /**
   * Events as they happen: `for await (const event of Lifecycle.streamEvents({ machineId }))`. Sends nothing until it is iterated.
   * Opens the connection again when that is lost, from the last event on: none is left out, none comes twice. Ends by leaving the
   * loop, by the `signal` (with its reason), or by a refusal.
   * @throws AuthError, NotFoundError, MachineError `invalid_request` when the daemon does not know `afterEventId` or a filter,
   * `transport_error` when it cannot be reached in the first place.
   */
  streamEvents(options: StreamEventsOptions = {}): AsyncGenerator<LifecycleEvent, void, undefined> {
    return streamEvents(options)
  },
}

function queryOf<Name extends string>(options: { readonly [N in Name]?: unknown }, names: readonly Name[]) {
  const given = names.filter((name) => options[name] !== undefined)
  return Object.fromEntries(given.map((name) => [snake(name), options[name]]))
}
