// Lifecycle events as they happen: one subscription per connection, with replay. The rate is the reader's: the next
// events are read from the store when the last ones were taken.

import { SubscribeFrame } from '@nullspace/contract/events.ts'
import { AppError } from '@nullspace/contract/errors.ts'
import type { App } from '../../app/context.ts'
import { type FollowRequest, followEvents } from '../../app/event-stream.ts'
import { requireKnownMachine } from '../../app/events.ts'
import type { Principal } from '../../domain/principal.ts'
import { invalidInput } from '../errors.ts'
import type { Channel } from './channel.ts'
import type { ChannelSocket } from './socket.ts'

const DEFAULT_REPLAY = 100
/** Pairs of a metadata filter. */
const MOST_PAIRS = 64

export const lifecycleChannel = (app: App): Channel => ({
  id: 'lifecycleWebsocketUpgrade',
  open(socket, { principal }) {
    listen(app, socket, principal, null)
  },
})

export const machineLifecycleChannel = (app: App): Channel => ({
  id: 'machineLifecycleWebsocketUpgrade',
  admit: ({ principal, params }) => requireKnownMachine(app, principal, params['id'] ?? ''),
  open(socket, { principal, params }) {
    listen(app, socket, principal, params['id'] ?? '')
  },
})

function listen(app: App, socket: ChannelSocket, principal: Principal, machineId: string | null): void {
  let subscribed = false
  socket.onFrame((value) => {
    if (subscribed) return socket.refuse('There is a subscription already; open another connection for another.')
    const parsed = SubscribeFrame.safeParse(value)
    if (!parsed.success) return socket.refuse(invalidInput('body', parsed.error).message)
    const frame = parsed.data
    if (machineId !== null && frame.machine_id != null && frame.machine_id !== machineId)
      return socket.refuse('machine_id: this stream is of another machine.')
    if (Object.keys(frame.metadata ?? {}).length > MOST_PAIRS) return socket.refuse(`metadata: at most ${MOST_PAIRS} pairs.`)
    subscribed = true
    stream(app, socket, principal, { ...frame, ...(machineId === null ? {} : { machine_id: machineId }) }).catch((error: unknown) =>
      error instanceof AppError ? socket.refuse(error.message) : socket.fail(error),
    )
  })
}

async function stream(app: App, socket: ChannelSocket, principal: Principal, frame: SubscribeFrame): Promise<void> {
  // Watched before the first look, so that nothing falls between the two.
  let news = Promise.withResolvers<void>()
  const unwatch = app.tail.watch(principal.ownerId, () => news.resolve())
  const end = (): void => news.resolve()
  socket.signal.addEventListener('abort', end, { once: true })
  try {
    const events = await followEvents(app, principal, requestOf(frame), socket.signal)
    socket.send({ type: 'subscribed', subscription: shown(frame), reconnect_mode: frame.live_only ? 'live_only' : 'replay' })
    while (!socket.signal.aborted) {
      news = Promise.withResolvers()
      const batch = await events.next()
      for (const event of batch) socket.send({ type: 'event', event })
      await socket.drained()
      if (batch.length === 0 && !socket.signal.aborted) await news.promise
    }
  } finally {
    unwatch()
    socket.signal.removeEventListener('abort', end)
  }
}

function requestOf(frame: SubscribeFrame): FollowRequest {
  const replay = frame.live_only ? 0 : (frame.replay_limit ?? DEFAULT_REPLAY)
  return {
    operation: frame.operation,
    status: frame.status,
    aboutMachineId: frame.machine_id,
    snapshotId: frame.snapshot_id,
    metadata: frame.metadata ?? {},
    // All that is written is for customers.
    none: frame.audience === 'internal',
    begin: frame.after_event_id != null && !frame.live_only ? { after: frame.after_event_id } : { newest: replay },
  }
}

/** What was asked for, without what was not. */
function shown({ type: _type, ...frame }: SubscribeFrame): Record<string, unknown> {
  return Object.fromEntries(Object.entries(frame).filter(([, value]) => value != null))
}
