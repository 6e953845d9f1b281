// A small client of the guest protocol, enough to examine a driver with. The product's is elsewhere and does more.

import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { encodeMessage, FLUSH_BYTES, FrameReader, type Frame } from '@nullspace/guest-protocol/frame.ts'
import { GENERATION, MIN_GENERATION } from '@nullspace/guest-protocol/generation.ts'
import * as message from '@nullspace/guest-protocol/messages.ts'

export interface ExecOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
  readonly graceMs?: number
  readonly outputLimit?: number
  readonly env?: readonly string[]
  readonly cwd?: string
}

export interface ExecOutcome {
  /** null when it could not be started; then `failed` says why. */
  readonly exit: message.ExitMessage | null
  readonly failed: message.FailedMessage | null
  readonly stdout: string
  readonly stderr: string
}

export interface Guest {
  readonly welcome: message.WelcomeMessage
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecOutcome>
  ping(): Promise<void>
  /** The guest is quiet afterwards, ready for a snapshot. */
  quiesce(): Promise<void>
}

export function newIdentity(hostname: string): message.Identity {
  return { nowNs: BigInt(Date.now()) * 1_000_000n, machineId: randomBytes(16), seed: randomBytes(64), hostname }
}

const WINDOW = 256 * 1024
const HELLO_EVERY_MS = 100

/** Says Hello until it is answered; what the guest sends on anything else than this session is not seen. */
export async function greet(
  channel: Duplex,
  { renew = null, withinMs, flush = false }: { renew?: message.Identity | null; withinMs: number; flush?: boolean },
): Promise<Guest> {
  const session = randomBytes(8).readBigUInt64BE()
  const handlers = new Map<number, (frame: Frame) => void>()
  const frames = new FrameReader()
  let lastStream = 0
  const send = (stream: number, kind: number, payload: Uint8Array): void => {
    for (const frame of encodeMessage(session, stream, kind, payload)) if (!channel.destroyed) channel.write(frame)
  }
  /** First frame on a stream that `pick` makes something of. */
  const answer = <T>(stream: number, pick: (frame: Frame) => T | undefined, ms: number, what: string): Promise<T> => {
    const done = Promise.withResolvers<T>()
    done.promise.catch(() => {})
    const timer = setTimeout(() => done.reject(new Error(`${what}: no answer from the guest in ${ms} ms`)), ms)
    const onClose = (): void => done.reject(new Error(`${what}: the channel closed`))
    channel.once('close', onClose)
    handlers.set(stream, (frame) => {
      const value = pick(frame)
      if (value !== undefined) done.resolve(value)
    })
    return done.promise.finally(() => {
      clearTimeout(timer)
      channel.off('close', onClose)
      handlers.delete(stream)
    })
  }
  channel.on('error', () => {})
  channel.on('data', (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) if (frame.session === session) handlers.get(frame.stream)?.(frame)
  })

  if (flush) channel.write(Buffer.alloc(FLUSH_BYTES))
  const hello = message.Hello.encode({ minGeneration: MIN_GENERATION, maxGeneration: GENERATION, renew })
  const again = setInterval(() => send(0, message.Hello.kind, hello), HELLO_EVERY_MS)
  send(0, message.Hello.kind, hello)
  const welcome = await answer(
    0,
    ({ kind, payload }) => (kind === message.Welcome.kind ? message.Welcome.decode(payload) : undefined),
    withinMs,
    'Hello',
  ).finally(() => clearInterval(again))

  const ask = async (question: { kind: number; encode(value: null): Uint8Array }, answerKind: number, what: string): Promise<void> => {
    const answered = answer(0, ({ kind }) => (kind === answerKind ? true : undefined), withinMs, what)
    send(0, question.kind, question.encode(null))
    await answered
  }

  return {
    welcome,
    ping: () => ask(message.Ping, message.Pong.kind, 'Ping'),
    quiesce: () => ask(message.Quiesce, message.Quiesced.kind, 'Quiesce'),
    async exec(argv, { stdin, timeoutMs = 0, graceMs = 500, outputLimit = 0, env = [], cwd = '/' } = {}) {
      const stream = ++lastStream
      const output: Record<number, Buffer[]> = { [message.STDOUT]: [], [message.STDERR]: [] }
      const done = answer(
        stream,
        ({ kind, payload }) => {
          output[kind]?.push(Buffer.from(payload))
          if (output[kind]) send(stream, message.Window.kind, message.Window.encode({ bytes: payload.length }))
          if (kind === message.Exit.kind) return { exit: message.Exit.decode(payload), failed: null }
          if (kind === message.Failed.kind) return { exit: null, failed: message.Failed.decode(payload) }
          return undefined
        },
        withinMs,
        argv.join(' '),
      )
      const start = { timeoutMs, graceMs, window: WINDOW, outputLimit, stdin: stdin !== undefined, cwd, user: '', argv, env }
      send(stream, message.ExecStart.kind, message.ExecStart.encode(start))
      if (stdin !== undefined) {
        send(stream, message.STDIN, Buffer.from(stdin))
        send(stream, message.StdinClose.kind, message.StdinClose.encode(null))
      }
      const outcome = await done
      const text = (kind: number): string => Buffer.concat(output[kind] ?? []).toString()
      return { ...outcome, stdout: text(message.STDOUT), stderr: text(message.STDERR) }
    },
  }
}
