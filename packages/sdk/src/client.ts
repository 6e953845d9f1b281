// The connection to one daemon: where it is, with which key, and the retry loop that every call goes through.

import type { ChannelSpec } from '@nullspace/contract/channels.ts'
import type { RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import { receive, send, type Content, type Received } from './bytes-transport.ts'
import { openChannel, type Channel, type SocketClass } from './channel.ts'
import { findConfig } from './config/find.ts'
import { AuthError, MachineError, RateLimitError, TransportError } from './errors.ts'
import { retryDelayMs, sleep, type Safety } from './retry.ts'
import { pathOf, request, type CallInput, type Limits, type Wire } from './transport.ts'

export interface ClientOptions {
  /** Default: environment, `.env`, config files (docs of `findConfig`). */
  readonly apiKey?: string | undefined
  /** Origin of the daemon with an optional path prefix. Default: as for the key, else `http://localhost:3000`. */
  readonly baseUrl?: string | undefined
  /** ms per request. Default: 300,000 for pausing, resuming, snapshots and forks, 120,000 for creating, 30,000 else; a command's own time is added. */
  readonly requestTimeoutMs?: number | undefined
  /** For whatever is live. Default: that of the package `ws`; one without `pause` cannot make a process wait for a slow reader. */
  readonly webSocket?: SocketClass | undefined
  /** For tests and proxies. */
  readonly fetch?: typeof fetch | undefined
  /** For tests: waits between retries and reconnects. */
  readonly sleep?: typeof sleep | undefined
}

export interface CallOptions {
  /** Aborting rejects with the signal's reason. What was sent may still have its effect. */
  readonly signal?: AbortSignal | undefined
  /** ms for each request of this call; of one that moves a file's bytes: without one of them moving. */
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

/** What this library knows of a call that its route does not tell. */
export interface Nature {
  /** Default: a GET may be repeated, a request with a key too. */
  readonly safety?: Safety | undefined
  /** ms, where neither the caller nor the client says. */
  readonly timeoutMs?: number | undefined
}

export interface OpenOptions {
  readonly query?: Readonly<Record<string, string>> | undefined
  /** The daemon is to send no faster than frames are read. Default false. */
  readonly paced?: boolean | undefined
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
  call<R extends RouteSpec>(route: R, input: CallInput<R>, options: CallOptions = {}, nature: Nature = {}): Promise<RouteResult<R>> {
    return this.#repeated(route, options, nature, (limits) => request(this.#wire, route, input, limits))
  }

  /** The same for a route that takes bytes. @throws as `call`; what the source of the bytes failed with */
  send<R extends RouteSpec>(
    route: R,
    input: CallInput<R>,
    content: Content,
    options: CallOptions = {},
    { safety = 'once', timeoutMs = BYTES_TIMEOUT_MS }: Nature = {},
  ): Promise<RouteResult<R>> {
    return this.#repeated(route, options, { safety, timeoutMs }, (limits) => send(this.#wire, route, input, content, limits))
  }

  /** The same for a route that answers bytes; resolves when they begin to come. What is cut after that is not repeated. */
  receive<R extends RouteSpec>(
    route: R,
    input: CallInput<R>,
    options: CallOptions = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Received> {
    return this.#repeated(route, options, { timeoutMs: BYTES_TIMEOUT_MS }, (limits) => receive(this.#wire, route, input, headers, limits))
  }

  async #repeated<T>(route: RouteSpec, options: CallOptions, nature: Nature, once: (limits: Limits) => Promise<T>): Promise<T> {
    if (route.access !== 'none' && !this.#wire.apiKey) throw missingKey()
    const keyed = route.headers !== undefined && 'idempotency-key' in route.headers.shape
    const safety: Safety = nature.safety ?? (route.method === 'GET' ? 'read' : keyed ? 'keyed' : 'once')
    const defaultMs = nature.timeoutMs ?? (SLOW.has(route.id) ? 300_000 : keyed ? 120_000 : 30_000)
    const limits = {
      timeoutMs: options.requestTimeoutMs ?? this.#requestTimeoutMs ?? defaultMs,
      signal: options.signal,
      idempotencyKey: keyed ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined,
    }
    let attempts = { sent: 0, rateLimited: 0, reached: false }
    for (;;) {
      try {
        options.signal?.throwIfAborted()
        return await once(limits)
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
  async open(
    channel: ChannelSpec,
    params: Readonly<Record<string, string>>,
    signal?: AbortSignal,
    { query, paced = false }: OpenOptions = {},
  ): Promise<Channel> {
    const { apiKey } = this.#wire
    if (!apiKey) throw missingKey()
    const path = pathOf(channel.path, params, this.baseUrl).replace(/^http/, 'ws')
    const url = query === undefined ? path : `${path}?${new URLSearchParams(query)}`
    return openChannel({ url, apiKey, socketClass: this.#socketClass, signal, paced })
  }

  /** Waits as this client waits between retries; rejects with the signal's reason. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(ms, signal)
  }
}

/** They move memory and disk of a whole machine. */
const SLOW = new Set(['hibernateMachine', 'resumeMachine', 'createSnapshot', 'forkMachine', 'forkMachineMany', 'collectGarbage'])

/** Without a byte moving. */
const BYTES_TIMEOUT_MS = 300_000

function missingKey(): AuthError {
  return new AuthError('no API key is configured', {
    code: 'missing_api_key',
    retryable: false,
    suggestedAction:
      'Set NULLSPACE_API_KEY, or run "nullspace auth login"; on the daemon’s own box "nullspace daemon start" writes the config.',
  })
}
