// A malicious guest on the other end of the channel: it can end its channel, and neither stop nor fill the daemon.

import { duplexPair, type Duplex } from 'node:stream'
import { encodeFrame, FLAG_MORE, FrameReader } from '@nullspace/guest-protocol/frame.ts'
import { ExecStarted, Hello, STDOUT, Welcome } from '@nullspace/guest-protocol/messages.ts'
import { expect, test } from 'vitest'
import { Op } from '../../observe/op.ts'
import { GuestClient } from './client.ts'
import { ChannelLost } from './guest.ts'

/** Answers the greeting, then does as `evil` says with what comes. */
function evilGuest(
  evil: (send: (stream: number, kind: number, payload: Uint8Array, flags?: number) => void) => void,
): () => Promise<Duplex> {
  return async () => {
    const [ours, theirs] = duplexPair()
    const reader = new FrameReader()
    theirs.on('error', () => {})
    theirs.on('data', (chunk: Buffer) => {
      for (const { session, kind } of reader.push(chunk)) {
        const send = (stream: number, answer: number, payload: Uint8Array, flags = 0): void =>
          void theirs.write(encodeFrame({ session, stream, kind: answer, flags, payload }))
        if (kind === Hello.kind)
          send(0, Welcome.kind, Welcome.encode({ generation: 1, renewed: false, agentStarts: 1, agentVersion: 'evil', error: '' }))
        else evil(send)
      }
    })
    return ours
  }
}

const request = { argv: ['true'], env: {}, cwd: '/', user: '', timeoutMs: 5_000, outputLimit: 64 * 1024 }

test.each<[string, Parameters<typeof evilGuest>[0]]>([
  [
    'more output than agreed',
    (send) => {
      send(1, ExecStarted.kind, ExecStarted.encode({ pid: 1 }))
      for (let i = 0; i < 4; i++) send(1, STDOUT, new Uint8Array(32 * 1024))
    },
  ],
  [
    'a message without end',
    (send) => {
      for (let i = 0; i < 200; i++) send(1, STDOUT, new Uint8Array(32 * 1024), FLAG_MORE)
    },
  ],
  [
    'empty parts',
    (send) => {
      for (let i = 0; i < 50_000; i++) send(1, STDOUT, new Uint8Array(0), FLAG_MORE)
    },
  ],
  ['a message that ends early', (send) => send(1, ExecStarted.kind, new Uint8Array(1))],
])('%s ends the channel', async (_what, evil) => {
  const client = new GuestClient(evilGuest(evil))
  using op = new Op('test', { timeoutMs: 4_000 })
  await expect(client.exec(op, request)).rejects.toThrow(ChannelLost)
  client.close()
})

test('parts for streams that nobody opened are not kept: far more of them than a channel may hold', async () => {
  const client = new GuestClient(
    evilGuest((send) => {
      for (let stream = 100; stream < 5_000; stream++) send(stream, STDOUT, new Uint8Array(32 * 1024), FLAG_MORE)
      send(1, 0x15, new Uint8Array([1, 0, 0, 0, 2, 110, 111]))
    }),
  )
  using op = new Op('test', { timeoutMs: 10_000 })
  await expect(client.exec(op, request)).rejects.toThrow('no')
  client.close()
})
