// QEMU's control protocol: a JSON object per line, answers matched by id, events in between.
// The other side may be under a guest's control, so nothing it sends is trusted to be small, well-formed or timely.

import { connect, type Socket } from 'node:net'
import { DriverError } from '../errors.ts'
import type { Op } from '../op.ts'

export interface Qmp {
  execute(op: Op, command: string, args?: Record<string, unknown>): Promise<unknown>
  /** Resolves when the connection ended, which for a running VM means that QEMU did. */
  readonly closed: Promise<void>
  /** Aborted then. */
  readonly ended: AbortSignal
  close(): void
}

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

const LONGEST_LINE = 1 << 20

/** Rejects with ENOENT or ECONNREFUSED while QEMU has not got that far. */
export async function openQmp(op: Op, path: string, onEvent: (event: QmpEvent) => void): Promise<Qmp> {
  const socket = await openSocket(op, path)
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const greeting = Promise.withResolvers<unknown>()
  const closed = Promise.withResolvers<void>()
  const ended = new AbortController()
  let lastId = 0

  const fail = (why: string): void => {
    const error = new DriverError('vm_gone', why)
    greeting.reject(error)
    for (const each of waiting.values()) each.reject(error)
    waiting.clear()
    ended.abort(error)
  }
  greeting.promise.catch(() => {})
  socket.on('close', () => {
    fail('The control connection ended')
    closed.resolve()
  })
  readLines(socket, (line) => {
    const message = parse(line)
    if (!message) return void socket.destroy()
    if (typeof message['event'] === 'string') {
      return onEvent({ event: message['event'], data: asObject(message['data']) ?? {} })
    }
    if ('QMP' in message) return greeting.resolve(message)
    const answer = waiting.get(Number(message['id']))
    waiting.delete(Number(message['id']))
    const error = asObject(message['error'])
    if (error) answer?.reject(new DriverError('control_failed', String(error['desc'])))
    else answer?.resolve(message['return'])
  })

  const qmp: Qmp = {
    async execute(op, command, args) {
      const id = ++lastId
      const answer = Promise.withResolvers<unknown>()
      answer.promise.catch(() => {})
      if (socket.destroyed) throw new DriverError('vm_gone', 'The control connection ended')
      waiting.set(id, answer)
      socket.ref()
      socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
      op.log(command)
      try {
        return await op.race(answer.promise)
      } catch (cause) {
        if (!(cause instanceof DriverError) || cause.code !== 'control_failed') throw cause
        throw new DriverError('control_failed', `QEMU refused ${command}: ${cause.message}`)
      } finally {
        waiting.delete(id)
        // An idle connection is no reason for a program to go on.
        if (waiting.size === 0) socket.unref()
      }
    },
    closed: closed.promise,
    ended: ended.signal,
    close: () => socket.destroy(),
  }
  try {
    await op.race(greeting.promise)
    await qmp.execute(op, 'qmp_capabilities')
    return qmp
  } catch (error) {
    socket.destroy()
    throw error
  }
}

export function openSocket(op: Op, path: string): Promise<Socket> {
  const opened = Promise.withResolvers<Socket>()
  const socket = connect({ path })
  socket.once('error', opened.reject)
  socket.once('connect', () => {
    socket.off('error', opened.reject)
    // What follows an error is 'close', and that is where everyone listens.
    socket.on('error', () => {})
    opened.resolve(socket)
  })
  return op.race(opened.promise, (late) => late.destroy())
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LONGEST_LINE) return void socket.destroy()
    for (const line of lines) if (line.trim()) onLine(line)
  })
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(line))
  } catch {
    return null
  }
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}
