// WebSocket clients for tests: what came, in order, and how it ended.

import { until } from '@nullspace/vmm/exam/until.ts'
import { WebSocket } from 'ws'
import type { World } from './world.ts'

export interface Client {
  readonly ws: WebSocket
  // A test reads what it expects; the shape is what it is about.
  // oxlint-disable-next-line no-explicit-any
  readonly frames: any[]
  send(frame: unknown): void
  /** The first frame from `from` on that passes. */
  // oxlint-disable-next-line no-explicit-any
  frame(passes: (frame: any) => boolean, what: string): Promise<any>
  /** Resolves with the close code. */
  readonly closed: Promise<number>
}

export async function connect(world: World, path: string, { key = world.key.key }: { key?: string } = {}): Promise<Client> {
  const url = (await world.listen()).replace('http', 'ws')
  const ws = new WebSocket(`${url}${path}`, { headers: { authorization: `Bearer ${key}` }, perMessageDeflate: true })
  const frames: unknown[] = []
  const closed = Promise.withResolvers<number>()
  ws.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString())))
  ws.on('close', (code) => closed.resolve(code))
  await new Promise<void>((resolve, reject) => {
    ws.on('open', resolve)
    ws.on('error', reject)
  })
  ws.on('error', () => {})
  return {
    ws,
    frames,
    closed: closed.promise,
    send: (frame) => ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    frame: (passes, what) =>
      until(
        () => frames.find(passes),
        (frame) => frame !== undefined,
        { what },
      ),
  }
}
