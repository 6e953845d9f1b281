// One WebSocket of a machine, as a client that measures has it: it says something, and waits for what that leads to.

import { WebSocket } from 'ws'

export interface Frame {
  readonly type: string
  readonly data?: string
  readonly exit_code?: number
  readonly code?: string
  readonly message?: string
}

/** What a frame means to the one who waits: undefined when the wait goes on. */
export type Step<T> = (frame: Frame) => T | undefined

export interface Channel extends Disposable {
  /**
   * Sends the frame and waits until `step` makes something of one that comes. One at a time; what comes while nobody waits
   * is not kept. Rejects on an error frame, and when the connection ends.
   */
  ask<T>(frame: object, step: Step<T>, withinMs?: number): Promise<T>
}

const PATIENCE_MS = 60_000

/** Rejects when the upgrade is refused. */
export async function openChannel({ url, key }: { url: string; key: string }, machineId: string, kind: 'exec' | 'pty'): Promise<Channel> {
  const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/machines/${machineId}/ws?channel=${kind}`, {
    headers: { authorization: `Bearer ${key}` },
    perMessageDeflate: false,
  })
  let onFrame: (frame: Frame) => void = () => {}
  const over = Promise.withResolvers<never>()
  over.promise.catch(() => {})
  ws.on('message', (data: Buffer) => onFrame(JSON.parse(data.toString()) as Frame))
  ws.on('error', over.reject)
  ws.on('close', (code, reason) => over.reject(new Error(`the channel was closed with ${code} ${String(reason)}`)))
  const opened = new Promise<void>((resolve) => ws.once('open', resolve))
  await Promise.race([opened, over.promise])
  return {
    async ask<T>(frame: object, step: Step<T>, withinMs = PATIENCE_MS): Promise<T> {
      const wanted = Promise.withResolvers<T>()
      onFrame = (came) => {
        const made = came.type === 'error' ? undefined : step(came)
        if (came.type === 'error') wanted.reject(new Error(`${came.code}: ${came.message}`))
        else if (made !== undefined) wanted.resolve(made)
      }
      const timer = setTimeout(() => wanted.reject(new Error(`no answer on the channel in ${withinMs} ms`)), withinMs)
      ws.send(JSON.stringify(frame))
      try {
        return await Promise.race([wanted.promise, over.promise])
      } finally {
        clearTimeout(timer)
        onFrame = () => {}
      }
    },
    [Symbol.dispose]: () => ws.terminate(),
  }
}

/** Until all that was printed from now on has the text in it so many times. */
export function printed(type: 'exec_stdout' | 'pty_output', text: string, times = 1): Step<true> {
  let all = ''
  return (frame) => {
    if (frame.type === type) all += frame.data ?? ''
    return all.split(text).length > times ? true : undefined
  }
}

/** Until the command has ended: its exit code. */
export const exited: Step<number> = (frame) => (frame.type === 'exec_exit' ? frame.exit_code : undefined)
