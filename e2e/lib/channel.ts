// One WebSocket of a machine: what came, in order, and how it ended.

import { vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Client } from './client.ts'

// A test reads what it expects; the shape is what it is about.
// oxlint-disable-next-line no-explicit-any
export type Frame = any

const PATIENCE_MS = 60_000

export class Channel implements Disposable {
  readonly ws: WebSocket
  readonly frames: Frame[] = []
  /** The close code. */
  readonly closed: Promise<number>

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString())))
    ws.on('error', () => {})
    this.closed = new Promise((resolve) => ws.on('close', resolve))
  }

  /** `query` with its question mark; a refused upgrade rejects with its status. */
  static async open({ url, key }: Client, machineId: string, query: string): Promise<Channel> {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/v1/machines/${machineId}/ws${query}`, {
      headers: { authorization: `Bearer ${key}` },
    })
    const channel = new Channel(ws)
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('error', reject)
    })
    return channel
  }

  send(frame: object): void {
    this.ws.send(JSON.stringify(frame))
  }

  /** The first frame that passes. */
  frame(passes: (frame: Frame) => boolean, what: string): Promise<Frame> {
    return vi.waitFor(
      () => {
        const found = this.frames.find(passes)
        if (found !== undefined) return found
        throw new Error(`no frame: ${what}; the last were ${JSON.stringify(this.frames.slice(-5))}`)
      },
      { timeout: PATIENCE_MS, interval: 50 },
    )
  }

  /** All that was printed on one output, as text. */
  text(kind: 'exec_stdout' | 'exec_stderr' | 'pty_output'): string {
    return this.frames
      .filter(({ type }) => type === kind)
      .map(({ data }) => data)
      .join('')
  }

  [Symbol.dispose](): void {
    this.ws.terminate()
  }
}

/** A command on a channel of its own, begun. */
export async function execChannel(client: Client, machineId: string, start: object): Promise<Channel> {
  const channel = await Channel.open(client, machineId, '?channel=exec')
  channel.send({ id: 'e1', ...start, type: 'pid' in start ? 'exec_connect' : 'exec_start' })
  await channel.frame(({ type }) => type === 'exec_started' || type === 'error', 'the start')
  return channel
}

export async function ptyChannel(client: Client, machineId: string, start: object = {}): Promise<Channel> {
  const channel = await Channel.open(client, machineId, '?channel=pty')
  const connects = 'session_id' in start || 'pid' in start
  channel.send({ id: 't1', ...(connects ? {} : { cols: 80, rows: 24 }), ...start, type: connects ? 'pty_connect' : 'pty_start' })
  await channel.frame(({ type }) => type === 'pty_started' || type === 'error', 'the start')
  return channel
}
