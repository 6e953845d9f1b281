// The connection to one daemon: where it is, with which key, and the retry loop that every call goes through.

import type { ChannelSpec } from '@nullspace/contract/channels.ts'
import type { RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import { openChannel, type Channel, type SocketClass } from './channel.ts'
import { findConfig } from './config/find.ts'
import { AuthError, MachineError, RateLimitError, TransportError } from './errors.ts'
import { retryDelayMs, sleep, type Safety } from './retry.ts'
import { pathOf, request, type CallInput, type Wire } from './transport.ts'

export interface ClientOptions {
  /** Default: environment, `.env`, config files (docs of `findConfig`). */
  readonly apiKey?: string | undefined
  /** Origin of the daemon with an optional path prefix. Default: as for the key, else `http://localhost:3000`. */
  readonly baseUrl?: string | undefined
  /** ms per request. Default: 300,000 for pausing, resuming, snapshots and forks, 120,000 for creating, 30,000 else; a command's own time is added. */
  readonly requestTimeoutMs?: number | undefined
  /** For event streams and the monitor. Default: the global one of Node 22, Bun, ...; on Node 20 give `WebSocket` of the package `ws`. */
  readonly webSocket?: SocketClass | undefined
  /** For tests and proxies. */
  readonly fetch?: typeof fetch | undefined
  /** For tests: waits between retries and reconnects. */
  readonly sleep?: typeof sleep | undefined
}

export interface CallOptions {
  /** Aborting rejects with the signal's reason. What was sent may still have its effect. */
  readonly signal?: AbortSignal | undefined
  /** ms for each request of this call. */
  readonly requestTimeoutMs?: number | undefined
  /** Only for routes that take one; default: a fresh UUID. */
  readonly idempotencyKey?: string | undefined
}

/** Where the static calls (`Machine.create`, ...) get their client from. */
export interface Connection extends CallOptions {
  /** Shared by several calls; default: a new one from `apiKey`, `baseUrl`. */
  readonly client?: Client | undefined
  readonly apiKey?: string | undefined
  readonly baseUrl?: string | undefined
}

export class Client {
  readonly baseUrl: string
  readonly #wire: Wire
  readonly #requestTimeoutMs: number | undefined
  readonly #sleep: typeof sleep
  readonly #socketClass: SocketClass | undefined

  constructor(options: ClientOptions = {}) {
    const config = findConfig({ apiKey: options.apiKey, baseUrl: options.baseUrl })
    this.baseUrl = config.baseUrl.value.replace(/\/+$/, '')
    this.#wire = { baseUrl: this.baseUrl, apiKey: config.apiKey.value, fetch: options.fetch ?? ((...args) => fetch(...args)) }
    this.#requestTimeoutMs = options.requestTimeoutMs
    this.#sleep = options.sleep ?? sleep
    this.#socketClass = options.webSocket
  }

  /** The client of a call: the one given, or a new one. */
  static of(connection: Connection): Client {
    return connection.client ?? new Client({ apiKey: connection.apiKey, baseUrl: connection.baseUrl })
  }

  /**
   * Calls a route of the contract; answers its body as on the wire. Repeats only what is safe: reads after a lost connection, and
   * requests with an Idempotency-Key (the same one) after a lost connection, a timeout or `transition_in_progress`; all of them
   * after 429, when told.
   * @throws MachineError or a subclass.
   */
  async call<R extends RouteSpec>(route: R, input: CallInput<R>, options: CallOptions = {}): Promise<RouteResult<R>> {
    if (route.access !== 'none' && !this.#wire.apiKey) throw missingKey()
    const keyed = route.headers !== undefined && 'idempotency-key' in route.headers.shape
    const safety: Safety = route.method === 'GET' ? 'read' : keyed ? 'keyed' : 'once'
    const limits = {
      timeoutMs: options.requestTimeoutMs ?? this.#requestTimeoutMs ?? (SLOW.has(route.id) ? 300_000 : keyed ? 120_000 : 30_000),
      signal: options.signal,
      idempotencyKey: keyed ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined,
    }
    let attempts = { sent: 0, rateLimited: 0, reached: false }
    for (;;) {
      try {
        options.signal?.throwIfAborted()
        return await request(this.#wire, route, input, limits)
      } catch (error) {
        if (!(error instanceof MachineError)) throw error
        const rate = error instanceof RateLimitError
        attempts = {
          sent: attempts.sent + (rate ? 0 : 1),
          rateLimited: attempts.rateLimited + (rate ? 1 : 0),
          reached: attempts.reached || !(error instanceof TransportError) || error.reached,
        }
        const delayMs = retryDelayMs(safety, error, attempts)
        if (delayMs === undefined) throw error
        await this.#sleep(delayMs, options.signal)
      }
    }
  }

  /** Opens a WebSocket of the contract. Fails alike whether refused or not reached: ask a route of the same area which it was. */
  async open(channel: ChannelSpec, params: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Channel> {
    const { apiKey } = this.#wire
    if (!apiKey) throw missingKey()
    const url = pathOf(channel.path, params, this.baseUrl).replace(/^http/, 'ws')
    return openChannel({ url, apiKey, socketClass: this.#socketClass, signal })
  }

  /** Waits as this client waits between retries; rejects with the signal's reason. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(ms, signal)
  }
}

/** They move memory and disk of a whole machine. */
const SLOW = new Set(['hibernateMachine', 'resumeMachine', 'createSnapshot', 'forkMachine', 'forkMachineMany', 'collectGarbage'])

function missingKey(): AuthError {
  return new AuthError('no API key is configured', {
    code: 'missing_api_key',
    retryable: false,
    suggestedAction:
      'Set NULLSPACE_API_KEY, or run "nullspace auth login"; on the daemon’s own box "nullspace daemon start" writes the config.',
  })
}
