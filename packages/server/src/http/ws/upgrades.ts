// From an HTTP upgrade to an open channel. Until the handshake is done every refusal is an HTTP answer with the envelope:
// clients take a reset for a fault of the network and try again.

import { AppError } from '@nullspace/contract/errors.ts'
import { CHANNELS, type ChannelSpec } from '@nullspace/contract/channels.ts'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, WebSocketServer } from 'ws'
import type { App } from '../../app/context.ts'
import { authenticate } from '../../app/keys.ts'
import { toAppError } from '../errors.ts'
import { isNotBuilt, notFound, pathParams } from '../not-found.ts'
import type { Channel } from './channel.ts'
import { ChannelSocket, CLOSE, SOCKET_RULES, type SocketRules, type Waiting } from './socket.ts'

const MOST_IN_ALL = 2_000
const MOST_PER_OWNER = 200
/** Of a client’s frame, unless its channel says otherwise. */
const FRAME_BYTES = 64 * 1024
/** For the other end to answer a closing. */
const CLOSE_TIMEOUT_MS = 2_000

export interface Upgrades {
  /** Takes over the socket, whatever comes of it. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Closes all with 1001; resolves when none is left. */
  close(): Promise<void>
}

export interface UpgradeParts {
  readonly channels: readonly Channel[]
  /** Writes a whole HTTP answer. */
  readonly refuse: (socket: Duplex, refusal: AppError) => void
  readonly rules?: Partial<SocketRules>
}

export function createUpgrades(app: App, { channels, refuse, rules }: UpgradeParts): Upgrades {
  const log = app.log.child({ part: 'ws' })
  const settled: SocketRules = { ...SOCKET_RULES, ...rules }
  // The types are behind by one option.
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  }
  const serverOf = (maxPayload: number): WebSocketServer =>
    new WebSocketServer({ ...options, maxPayload }).on('wsClientError', (error, socket) =>
      refuse(socket, new AppError('invalid_request', { say: `No WebSocket handshake: ${error.message}.` })),
    )
  const byId = new Map<string, { channel: Channel; server: WebSocketServer }>(
    channels.map((channel) => [channel.id, { channel, server: serverOf(channel.frameBytes ?? FRAME_BYTES) }]),
  )
  const open = new Map<ChannelSocket, { readonly ownerId: string; readonly authorization: string | undefined }>()
  /** Of each owner who has a connection. */
  const waiting = new Map<string, Waiting & { sockets: number }>()
  let closing: PromiseWithResolvers<void> | null = null

  const refuseCrowd = (ownerId: string): void => {
    if (open.size >= MOST_IN_ALL)
      throw new AppError('capacity_exceeded', { say: 'The daemon holds as many WebSocket connections as it may.' })
    if ((waiting.get(ownerId)?.sockets ?? 0) >= MOST_PER_OWNER)
      // Not a 403: the published client takes every one for a key that is no good.
      throw new AppError('capacity_exceeded', { say: `There may be ${MOST_PER_OWNER} WebSocket connections; close some.` })
  }
  const refuseDraining = (): void => {
    if (app.lifecycle.draining || closing) throw new AppError('draining', { say: 'The daemon is shutting down.' })
  }

  const admitAgain = async (): Promise<void> => {
    for (const key of new Set([...open.values()].map(({ authorization }) => authorization))) {
      const refusal = await authenticate(app, key).then(() => null, toAppError)
      // Not for a fault of ours.
      if (refusal?.code !== 'unauthorized') continue
      for (const [socket, { authorization }] of open) if (authorization === key) socket.close(CLOSE.policy, refusal.message)
    }
  }
  const recheck = setInterval(() => void admitAgain(), settled.admitAgainEveryMs)
  recheck.unref()

  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const { pathname, searchParams } = urlOf(request)
    const found = findChannel(pathname)
    const asked = { method: request.method ?? '', url: request.url ?? '' }
    if (!found) {
      if (isNotBuilt(asked)) await authenticate(app, request.headers.authorization)
      throw notFound(asked, 'WebSocket')
    }
    if (request.method !== 'GET')
      throw new AppError('method_not_allowed', { say: `A WebSocket opens with GET.`, details: { allow: 'GET' } })
    const principal = await authenticate(app, request.headers.authorization)
    const served = byId.get(found.spec.id)
    if (!served) throw new AppError('not_implemented', { say: `${pathname} is not available in this release.` })
    const { channel, server } = served
    refuseDraining()
    const call = { principal, params: found.params, query: searchParams }
    await channel.admit?.(call)
    // Nothing is awaited from here on, so that what was counted is what there is.
    refuseDraining()
    refuseCrowd(principal.ownerId)
    if (socket.destroyed) return
    server.handleUpgrade(request, socket, head, (ws) => {
      const { ownerId } = principal
      const ofOwner = waiting.get(ownerId) ?? { bytes: 0, sockets: 0 }
      waiting.set(ownerId, ofOwner)
      ofOwner.sockets++
      const made = new ChannelSocket(ws, {
        rules: settled,
        ofOwner,
        log: log.child({ channel: channel.id }),
        complaint: channel.complaint,
      })
      open.set(made, { ownerId, authorization: request.headers.authorization })
      app.metrics.sockets.set(open.size)
      ws.on('close', () => {
        open.delete(made)
        if (--ofOwner.sockets === 0) waiting.delete(ownerId)
        app.metrics.sockets.set(open.size)
        if (open.size === 0) closing?.resolve()
      })
      try {
        channel.open(made, call)
      } catch (error) {
        made.fail(error)
      }
    })
  }

  return {
    handle(request, socket, head) {
      // Before anything is awaited: a reset in the meantime must not end the daemon.
      socket.on('error', () => socket.destroy())
      accept(request, socket, head).catch((error: unknown) => {
        const refusal = toAppError(error)
        log[refusal.code === 'internal_error' ? 'error' : 'debug']({ err: error, ...refusal.context }, refusal.message)
        refuse(socket, refusal)
      })
    },
    async close() {
      closing ??= Promise.withResolvers()
      clearInterval(recheck)
      for (const socket of open.keys()) socket.close(CLOSE.goingAway, 'the daemon stops')
      if (open.size === 0) closing.resolve()
      await closing.promise
    },
  }
}

function urlOf(request: IncomingMessage): URL {
  const target = request.url ?? ''
  // The host is of no matter; what is not a path is no channel.
  return target.startsWith('/') && URL.canParse(`http://host${target}`) ? new URL(`http://host${target}`) : new URL('http://host/')
}

function findChannel(path: string): { spec: ChannelSpec; params: Record<string, string> } | null {
  for (const spec of Object.values(CHANNELS) as ChannelSpec[]) {
    const params = pathParams(spec.path, path)
    if (params) return { spec, params }
  }
  return null
}
