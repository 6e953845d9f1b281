// A connection for one command or one terminal: opened, begun with one frame, and acknowledged by the daemon's first.

import { CHANNELS } from '@nullspace/contract/channels.ts'
import { getMachine } from '@nullspace/contract/machines.ts'
import type { Channel } from './channel.ts'
import type { Client } from './client.ts'
import { errorFromFrame } from './error-map.ts'
import { TransportError } from './errors.ts'
import { connection } from './reconnect.ts'

export interface Work {
  readonly client: Client
  readonly machineId: string
  readonly signal?: AbortSignal | undefined
}

type Kind = 'exec' | 'pty'

/** What the daemon says on these channels; which parts are there depends on `type`. */
export interface WorkFrame {
  readonly type?: string
  readonly pid?: number
  readonly data?: string
  readonly data_base64?: string
  readonly exit_code?: number
  readonly session_id?: string
  readonly cols?: number
  readonly rows?: number
  readonly stdout_bytes?: number
  readonly stderr_bytes?: number
  readonly message?: string
  readonly code?: string
}

/** What a process printed, or a terminal shows. */
export function bytesOf({ data_base64: base64, data = '' }: WorkFrame): Uint8Array {
  return base64 === undefined ? new TextEncoder().encode(data) : Buffer.from(base64, 'base64')
}

export interface Begun {
  readonly channel: Channel
  /** The acknowledgement. */
  readonly first: WorkFrame
  /** The next frame; undefined when the connection is over. */
  next(): Promise<WorkFrame | undefined>
}

export function openWork({ client, machineId, signal }: Work, kind: Kind): Promise<Channel> {
  return client.open(CHANNELS.websocketUpgrade, { id: machineId }, signal, { query: { channel: kind }, paced: true })
}

/** Sends `frames` and waits until the first is acknowledged; undefined when the connection was lost before. @throws MachineError the refusal */
export async function begin(channel: Channel, kind: Kind, frames: readonly object[]): Promise<Begun | undefined> {
  const reader = channel[Symbol.asyncIterator]()
  const next = async (): Promise<WorkFrame | undefined> => {
    const { done, value } = await reader.next()
    return done ? undefined : (value as WorkFrame)
  }
  try {
    for (const frame of frames) channel.send(frame)
    for (;;) {
      const frame = await next()
      if (frame === undefined) return undefined
      if (frame.type === 'error') throw errorFromFrame(frame)
      if (frame.type === `${kind}_started`) return { channel, first: frame, next }
    }
  } catch (error) {
    channel.close()
    throw error
  }
}

/** Does it once: what was sent is never sent again. @throws TransportError when the connection was lost, so that nobody knows what came of it */
export async function beginOnce(work: Work, kind: Kind, frames: readonly object[]): Promise<Begun> {
  const { client, machineId, signal } = work
  const channel = await connection({
    open: () => openWork(work, kind),
    ask: () => client.call(getMachine, { params: { id: machineId } }, { signal }),
    wait: (ms, stop) => client.wait(ms, stop),
    signal,
  })
  const begun = await begin(channel, kind, frames)
  if (begun) return begun
  throw new TransportError('lost the connection to the daemon before it answered; what was asked for may have happened', {
    reached: true,
    retryable: false,
  })
}

let count = 0

/** The name of a command or terminal on its connection. */
export const workId = (kind: Kind): string => `${kind}_${++count}`
