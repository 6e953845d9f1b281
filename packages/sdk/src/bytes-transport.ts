// Requests and answers whose body is bytes: sent and read as they come, never held whole. Their time is up when nothing
// moves, however long the whole takes.

import type { RouteResult, RouteSpec } from '@nullspace/contract/route.ts'
import { MachineError, TimeoutError, TransportError } from './errors.ts'
import { connectionError, headersOf, parse, refused, requestIdOf, urlOf, type CallInput, type Limits, type Wire } from './transport.ts'

export interface Content {
  /** Made anew for each try. */
  readonly body: () => Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array>
  /** `content-type` and more. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface Received {
  readonly status: number
  /** Undefined when it is not known before the end. */
  readonly length: number | undefined
  /** To be read to its end or left, by one reader. @throws TransportError when it was cut, TimeoutError, the signal's reason */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Instead of reading. */
  cancel(): Promise<void>
}

export async function send<R extends RouteSpec>(
  wire: Wire,
  route: R,
  input: CallInput<R>,
  content: Content,
  limits: Limits,
): Promise<RouteResult<R>> {
  const patience = new Patience(limits.timeoutMs, limits.signal)
  const made = content.body()
  const source = made instanceof Uint8Array ? undefined : watched(made, patience)
  let response: Response
  let text: string
  try {
    response = await wire.fetch(urlOf(wire.baseUrl, route, input), {
      method: route.method,
      headers: { ...headersOf(wire, route, {}, limits.idempotencyKey), ...content.headers },
      body: source ? source.stream : (made as Uint8Array<ArrayBuffer>),
      redirect: 'manual',
      signal: patience.signal,
      // Of a stream; not in the types of every platform.
      ...(source ? { duplex: 'half' } : {}),
    })
    text = await readText(response, patience)
  } catch (cause) {
    limits.signal?.throwIfAborted()
    if (source?.failure) throw source.failure.error
    throw failure(wire, route, patience, cause)
  } finally {
    patience.rest()
    source?.leave()
  }
  if (!response.ok) throw refused(response, text)
  return parse(route, text, requestIdOf(response))
}

/** Resolves when the answer has begun. */
export async function receive<R extends RouteSpec>(
  wire: Wire,
  route: R,
  input: CallInput<R>,
  headers: Readonly<Record<string, string>>,
  limits: Limits,
): Promise<Received> {
  const patience = new Patience(limits.timeoutMs, limits.signal)
  const lost = (cause: unknown): unknown => {
    limits.signal?.throwIfAborted()
    return failure(wire, route, patience, cause)
  }
  let response: Response
  try {
    response = await wire.fetch(urlOf(wire.baseUrl, route, input), {
      method: route.method,
      // As it is, so that its length tells whether all has come.
      headers: { ...headersOf(wire, route, {}, undefined), 'accept-encoding': 'identity', ...headers },
      redirect: 'manual',
      signal: patience.signal,
    })
    if (!response.ok) {
      const text = await readText(response, patience)
      patience.rest()
      throw refused(response, text)
    }
  } catch (cause) {
    patience.rest()
    throw cause instanceof MachineError ? cause : lost(cause)
  }
  patience.rest()
  const declared = response.headers.get('content-length')
  const length = declared === null ? undefined : Number(declared)
  return {
    status: response.status,
    length,
    bytes: body(response, length, patience, lost),
    async cancel() {
      patience.rest()
      await response.body?.cancel().catch(() => {})
    },
  }
}

async function* body(
  response: Response,
  length: number | undefined,
  patience: Patience,
  lost: (cause: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader()
  let count = 0
  try {
    for (;;) {
      const piece = await next(reader, patience, lost)
      if (piece === undefined) break
      count += piece.length
      yield piece
    }
    if (length !== undefined && count !== length) throw lost(new Error(`${count} of ${length} bytes came`))
  } finally {
    patience.rest()
    await reader?.cancel().catch(() => {})
  }
}

/** Whoever takes his time with a piece is not counted as silence. */
async function next(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  patience: Patience,
  lost: (cause: unknown) => unknown,
): Promise<Uint8Array | undefined> {
  patience.moved()
  try {
    return (await reader?.read())?.value
  } catch (cause) {
    throw lost(cause)
  } finally {
    patience.rest()
  }
}

async function readText(response: Response, patience: Patience): Promise<string> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  let text = ''
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    patience.moved()
    text += decoder.decode(next.value, { stream: true })
  }
  return text + decoder.decode()
}

function failure(wire: Wire, route: RouteSpec, patience: Patience, cause: unknown): MachineError {
  if (cause instanceof TransportError) return cause
  if (patience.isOver) return new TimeoutError(`nothing moved in ${route.id} for ${patience.ms / 1000} s`, { cause })
  return connectionError(wire.baseUrl, cause)
}

interface Watched {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>
  /** What the source itself failed with: it is whoever gave it that is told. */
  readonly failure: { readonly error: unknown } | undefined
  /** Whoever made the source may clean up. */
  leave(): void
}

function watched(source: AsyncIterable<Uint8Array>, patience: Patience): Watched {
  const pieces = source[Symbol.asyncIterator]()
  let failure: { readonly error: unknown } | undefined
  // One that hangs in a piece is not waited for.
  const leave = (): void => void pieces.return?.().catch(() => {})
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        // It is asked for more: what it gave before is on its way. How long it takes itself is its own affair.
        patience.rest()
        try {
          const { done, value } = await pieces.next()
          if (done) controller.close()
          // A view of shared memory is refused by the platform.
          else controller.enqueue(value as Uint8Array<ArrayBuffer>)
        } catch (error) {
          failure = { error }
          throw error
        } finally {
          patience.moved()
        }
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    get failure() {
      return failure
    },
    leave,
  }
}

/** A deadline that is put off whenever something moves. */
class Patience {
  readonly ms: number
  readonly signal: AbortSignal
  readonly #late = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.ms = ms
    this.signal = signal ? AbortSignal.any([this.#late.signal, signal]) : this.#late.signal
    this.moved()
  }

  get isOver(): boolean {
    return this.#late.signal.aborted
  }

  moved(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#late.abort(), this.ms)
  }

  /** It is not the other side's turn, or all is over. */
  rest(): void {
    clearTimeout(this.#timer)
  }
}
