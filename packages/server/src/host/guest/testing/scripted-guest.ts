// A guest whose file helpers do as each test scripts them.

import { duplexPair, type Duplex } from 'node:stream'
import * as wire from '@nullspace/guest-protocol/files.ts'
import { encodeMessage, FrameReader } from '@nullspace/guest-protocol/frame.ts'
import * as message from '@nullspace/guest-protocol/messages.ts'
import { onTestFinished } from 'vitest'
import { Op } from '../../../observe/op.ts'
import { GuestClient } from '../client.ts'
import { encodeFileFrame, type FileFrame, FrameQueue } from '../file-frames.ts'
import type { GuestFiles } from '../guest-files.ts'

interface Codec<T> {
  readonly kind: number
  encode(value: T): Uint8Array
}

/** A helper as its guest sees it. */
export interface Peer {
  readonly start: message.ExecStartMessage
  readonly heard: FileFrame[]
  /** Bytes of output that the host still takes, and all that were sent. */
  room: number
  sent: number
  /** By the host. */
  killed: boolean
  say<T>(codec: Codec<T>, value: T): void
  raw(bytes: Uint8Array): void
  stderr(text: string): void
  exit(exitCode: number): void
  grant(bytes: number): void
}

export interface Script {
  request?(peer: Peer, frame: FileFrame): void
  /** More output is taken. */
  opened?(peer: Peer): void
  started?(peer: Peer): void
}

interface How {
  readonly generation?: number
  /** False: no more input than the first credit. */
  readonly grants?: boolean
}

export function guest(script: Script, { generation = 3, grants = true }: How = {}) {
  const peers: Peer[] = []
  const sockets: Duplex[] = []
  const connect = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair()
    const streams = new Map<number, { peer: Peer; queue: FrameQueue }>()
    const reader = new FrameReader()
    sockets.push(ours)
    theirs.on('error', () => {})
    theirs.on('data', (chunk: Buffer) => {
      for (const { session, stream, kind, payload } of reader.push(chunk)) {
        const send = (answer: number, bytes: Uint8Array): void => {
          for (const frame of encodeMessage(session, stream, answer, bytes)) theirs.write(frame)
        }
        const { peer, queue } = streams.get(stream) ?? {}
        if (kind === message.Hello.kind) {
          const welcome = { generation, renewed: false, agentStarts: 1, agentVersion: 'scripted', error: '' }
          send(message.Welcome.kind, message.Welcome.encode(welcome))
        } else if (kind === message.ExecStart.kind) {
          const begun = peerOf(message.ExecStart.decode(payload), send)
          streams.set(stream, { peer: begun, queue: new FrameQueue() })
          peers.push(begun)
          script.started?.(begun)
          send(message.ExecStarted.kind, message.ExecStarted.encode({ pid: 100 + stream }))
        } else if (!peer || !queue) continue
        else if (kind === message.STDIN) {
          queue.push(payload)
          if (grants) peer.grant(payload.length)
          for (let frame = queue.next(); frame; frame = queue.next()) {
            peer.heard.push(frame)
            script.request?.(peer, frame)
          }
        } else if (kind === message.Window.kind) {
          peer.room += message.Window.decode(payload).bytes
          script.opened?.(peer)
        } else if (kind === message.Signal.kind) peer.killed = message.Signal.decode(payload).signal === 9
      }
    })
    return ours
  }
  const client = new GuestClient(connect)
  onTestFinished(() => client.close())
  return { client, peers, sockets, files: client.files({ user: 'user', base: '/base' }) }
}

function peerOf(start: message.ExecStartMessage, send: (kind: number, payload: Uint8Array) => void): Peer {
  const peer: Peer = {
    start,
    heard: [],
    room: start.window,
    sent: 0,
    killed: false,
    say: (codec, value) => peer.raw(encodeFileFrame(codec.kind, codec.encode(value))),
    raw(bytes) {
      peer.room -= bytes.length
      peer.sent += bytes.length
      send(message.STDOUT, bytes)
    },
    stderr: (text) => send(message.STDERR, Buffer.from(text)),
    exit: (exitCode) =>
      send(message.Exit.kind, message.Exit.encode({ exitCode, signal: 0, timedOut: false, droppedStdout: 0n, droppedStderr: 0n })),
    grant: (bytes) => send(message.InputGranted.kind, message.InputGranted.encode({ bytes })),
  }
  return peer
}

export const op = (timeoutMs = 5_000): Op => new Op('test', { timeoutMs })
export const entry: wire.FileEntry = {
  ...{ path: '/base/a', type: 'file', size: 3n, mode: 0o644, uid: 0, gid: 0, owner: 'root', group: 'root', modifiedNs: 0n, target: '' },
}
export const Data: Codec<Uint8Array> = { kind: wire.DATA, encode: (bytes) => bytes }
export const stat = (of: GuestFiles, with_ = op()): Promise<wire.FileEntry> => of.stat(with_, 'a', { follow: true })
export const answer = (peer: Peer): void => {
  peer.say(wire.Entry, entry)
  peer.say(wire.Done, null)
}
/** Answers each request at once. */
export const obliging: Script = { request: answer }
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await turn()
}
export const kinds = ({ heard }: Peer): number[] => heard.map(({ kind }) => kind)
export async function take<T>(parts: AsyncIterable<T>, count = Infinity): Promise<T[]> {
  const out: T[] = []
  for await (const part of parts) if (out.push(part) === count) break
  return out
}
