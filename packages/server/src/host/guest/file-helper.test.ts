// File helpers as the daemon holds them: when they are started, kept and ended, and what a malicious one comes to. The guest
// here does as each test scripts it.

import { duplexPair, type Duplex } from 'node:stream'
import * as wire from '@nullspace/guest-protocol/files.ts'
import { encodeMessage, FrameReader } from '@nullspace/guest-protocol/frame.ts'
import * as message from '@nullspace/guest-protocol/messages.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { DeadlineError, Op } from '../../observe/op.ts'
import { GuestClient } from './client.ts'
import { encodeFileFrame, type FileFrame, FrameQueue } from './file-frames.ts'
import { HELPER_WINDOW } from './file-helper.ts'
import { ChannelLost } from './guest.ts'
import type { GuestFiles } from './guest-files.ts'

interface Codec<T> {
  readonly kind: number
  encode(value: T): Uint8Array
}

/** A helper as its guest sees it. */
interface Peer {
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

interface Script {
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

function guest(script: Script, { generation = 3, grants = true }: How = {}) {
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

const op = (timeoutMs = 5_000): Op => new Op('test', { timeoutMs })
const entry: wire.FileEntry = {
  ...{ path: '/base/a', type: 'file', size: 3n, mode: 0o644, uid: 0, gid: 0, owner: 'root', group: 'root', modifiedNs: 0n, target: '' },
}
const Data: Codec<Uint8Array> = { kind: wire.DATA, encode: (bytes) => bytes }
const stat = (of: GuestFiles, with_ = op()): Promise<wire.FileEntry> => of.stat(with_, 'a', { follow: true })
const answer = (peer: Peer): void => {
  peer.say(wire.Entry, entry)
  peer.say(wire.Done, null)
}
/** Answers each request at once. */
const obliging: Script = { request: answer }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await turn()
}
const kinds = ({ heard }: Peer): number[] => heard.map(({ kind }) => kind)
async function take<T>(parts: AsyncIterable<T>, count = Infinity): Promise<T[]> {
  const out: T[] = []
  for await (const part of parts) if (out.push(part) === count) break
  return out
}

afterEach(() => void vi.useRealTimers())

describe('a helper', () => {
  test('is a guided process of the user, and serves one request after the other', async () => {
    const { files, peers } = guest(obliging)
    expect(await stat(files)).toEqual(entry)
    expect(await stat(files)).toEqual(entry)
    expect(peers.map(({ start }) => start)).toEqual([
      {
        ...{ timeoutMs: 0, graceMs: 1000, window: HELPER_WINDOW, outputLimit: 0, stdin: true, cwd: '/', user: 'user', env: [] },
        ...{ argv: ['/usr/lib/nullspace/agent', 'files', '/base'], guided: true },
      },
    ])
  })

  test('belongs to a user and a base, whatever characters are in them', async () => {
    const { client, peers } = guest(obliging)
    const of = [
      { user: 'a', base: '' },
      { user: '', base: 'a' },
      { user: 'a', base: '' },
    ]
    for (const as of of) await stat(client.files(as))
    expect(peers.map(({ start }) => [start.user, start.argv.at(-1)])).toEqual([
      ['a', ''],
      ['', 'a'],
    ])
  })

  test('that refuses goes on; its words are cut', async () => {
    const { files, peers } = guest({
      request: (peer) => peer.say(wire.Refused, { refusal: 'not_found', message: 'x'.repeat(10_000) }),
    })
    for (let i = 0; i < 2; i++)
      await expect(stat(files)).rejects.toMatchObject({ name: 'FileRefused', refusal: 'not_found', message: 'x'.repeat(500) })
    expect(peers).toHaveLength(1)
  })

  test('that cannot be started leaves its place to others', async () => {
    const { files, peers } = guest({ started: (peer) => peers.length <= 8 && peer.exit(1), request: answer })
    for (let i = 0; i < 8; i++) await expect(stat(files)).rejects.toMatchObject({ name: 'GuestFailure', reason: 'io' })
    expect(await stat(files)).toEqual(entry)
  })

  test('that ends says why', async () => {
    const { files } = guest({
      request(peer) {
        peer.stderr('panic: \u0000no memory\n')
        peer.exit(2)
      },
    })
    await expect(stat(files)).rejects.toThrow('The file helper in the machine ended with exit code 2: panic: \u0000no memory')
  })

  test('is not to be had of an older agent', async () => {
    const { files, peers } = guest(obliging, { generation: 2 })
    await expect(stat(files)).rejects.toMatchObject({ name: 'GuestFailure', reason: 'unsupported' })
    expect(peers).toHaveLength(0)
  })

  test('goes with its channel, and another is started on the next', async () => {
    const { files, peers, sockets } = guest({ request: (peer) => peers.length > 1 && answer(peer) })
    const lost = stat(files)
    await until(
      () => peers[0]?.heard.length,
      (count) => count === 1,
    )
    sockets[0]?.destroy()
    await expect(lost).rejects.toThrow(ChannelLost)
    expect(await stat(files)).toEqual(entry)
    expect(peers).toHaveLength(2)
    sockets[1]?.destroy()
    await settled()
    expect(await stat(files)).toEqual(entry)
    expect(peers).toHaveLength(3)
  })

  test.each([
    ['root', 29_000],
    ['user', 900],
  ])('that is idle is ended after a while: %s', async (user, ms) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { client, peers } = guest(obliging)
    const files = client.files({ user, base: '/base' })
    await stat(files)
    vi.advanceTimersByTime(ms)
    await stat(files)
    vi.advanceTimersByTime(ms)
    await settled()
    expect(peers.map(({ killed }) => killed)).toEqual([false])
    vi.advanceTimersByTime(ms / 8)
    await vi.waitUntil(() => peers[0]?.killed)
    await stat(files)
    expect(peers).toHaveLength(2)
  })

  test('that died while idle is not asked', async () => {
    const { files, peers } = guest(obliging)
    await stat(files)
    peers[0]?.exit(137)
    await settled()
    await stat(files)
    expect(peers.map(({ heard }) => heard.length)).toEqual([1, 1])
  })

  test('that dies when it is asked again is replaced once, if asking twice is asking once', async () => {
    const { files, peers } = guest({ request: (peer) => (peer.heard.length > 1 ? peer.exit(137) : answer(peer)) })
    await stat(files)
    expect(await stat(files)).toEqual(entry)
    await expect(files.rename(op(), 'a', 'b')).rejects.toThrow('ended with exit code 137')
    expect(peers.map(kinds)).toEqual([
      [wire.Stat.kind, wire.Stat.kind],
      [wire.Stat.kind, wire.Rename.kind],
    ])
    const dying = guest({ request: (peer) => (dying.peers.length > 1 || peer.heard.length > 1 ? peer.exit(1) : answer(peer)) })
    await stat(dying.files)
    await expect(stat(dying.files)).rejects.toThrow('ended with exit code 1')
    expect(dying.peers).toHaveLength(2)
  })
})

describe('a malicious helper is ended, and the call fails, when it', () => {
  const head = (length: number, kind = 0x10): Uint8Array => {
    const bytes = Buffer.alloc(5)
    bytes.writeUInt32BE(length)
    bytes.writeUInt8(kind, 4)
    return bytes
  }
  const chmod = (of: GuestFiles): Promise<unknown> => of.chmod(op(), 'a', 0)
  const list = (of: GuestFiles): Promise<unknown> => take(of.list(op(), '.', 1))
  const read = async (of: GuestFiles): Promise<unknown> => take((await of.read(op(), 'a', { offset: 0, length: 10 })).bytes)
  const write = (of: GuestFiles): Promise<unknown> => of.write(op(), 'a', [new Uint8Array(10)])
  const replace = (of: GuestFiles): Promise<unknown> => of.replace(op(), ['a', 'b'], { pattern: 'x', replacement: 'y', dryRun: false })
  const replaced = { path: 'a', replacements: 1n, skipped: 'none' } as const
  const match = { path: 'a', line: 1, content: 'x' }

  test.each<[string, (of: GuestFiles) => Promise<unknown>, (peer: Peer) => void]>([
    ['announces a frame that is too long', stat, (peer) => peer.raw(head(wire.LONGEST_FRAME + 1))],
    ['announces a frame of nothing', stat, (peer) => peer.raw(head(0))],
    ['answers a kind that there is not', stat, (peer) => peer.raw(head(1, 0xee))],
    ['answers another question', stat, (peer) => peer.say(wire.Names, ['a'])],
    ['cuts its answer', stat, (peer) => peer.raw(encodeFileFrame(wire.Entry.kind, new Uint8Array(7)))],
    ['ends before its answer', stat, (peer) => peer.say(wire.Done, null)],
    ['answers twice', stat, (peer) => [1, 2].forEach(() => peer.say(wire.Entry, entry))],
    ['cuts its refusal', stat, (peer) => peer.raw(encodeFileFrame(wire.Refused.kind, new Uint8Array(1)))],
    ['answers where there is nothing to say', chmod, (peer) => peer.say(wire.Entry, entry)],
    ['tells of four thousand million entries', list, (peer) => peer.raw(encodeFileFrame(wire.Entries.kind, Buffer.alloc(4, 0xff)))],
    ['lists bytes', list, (peer) => peer.say(Data, new Uint8Array(3))],
    ['gives bytes before the entry', read, (peer) => peer.say(Data, new Uint8Array(3))],
    [
      'gives more than was asked for',
      read,
      (peer) => {
        peer.say(wire.Entry, entry)
        peer.say(Data, new Uint8Array(6))
        peer.say(Data, new Uint8Array(5))
      },
    ],
    ['finds more than was asked for', (of) => take(of.find(op(), '.', 'x', 2)), (peer) => peer.say(wire.Matches, [match, match, match])],
    [
      'finds without end',
      (of) => take(of.search(op(), '.', '*', 99)),
      (peer) =>
        [0, 1].forEach(() =>
          peer.say(
            wire.Names,
            Array.from({ length: 50 }, () => 'x'),
          ),
        ),
    ],
    ['takes a write for done at once', write, (peer) => peer.heard.length === 1 && answer(peer)],
    [
      'answers a write before its end',
      write,
      (peer) => {
        if (peer.heard.length > 1) return
        peer.say(wire.Started, null)
        answer(peer)
      },
    ],
    ['tells of fewer files than were asked', replace, (peer) => [peer.say(wire.Replaced, replaced), peer.say(wire.Done, null)]],
    ['tells of more files than were asked', replace, (peer) => [1, 2, 3].forEach(() => peer.say(wire.Replaced, replaced))],
  ])('%s', async (_what, call, evil) => {
    const { files: asked, peers } = guest({ request: (peer) => (peers.length === 1 ? evil(peer) : answer(peer)) })
    await expect(call(asked)).rejects.toMatchObject({ name: 'GuestFailure', reason: 'io' })
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    expect(await stat(asked)).toEqual(entry)
    expect(peers).toHaveLength(2)
  })

  test('sends more than its window: that is the agent’s fault, and the channel ends', async () => {
    const { files } = guest({ request: (peer) => peer.raw(new Uint8Array(HELPER_WINDOW + 1)) })
    await expect(stat(files)).rejects.toThrow(ChannelLost)
  })

  test('speaks after its last word, or unasked', async () => {
    const { files, peers } = guest({
      request(peer) {
        answer(peer)
        if (peers.length === 1) peer.say(wire.Started, null)
      },
    })
    expect(await stat(files)).toEqual(entry)
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    await stat(files)
    peers[1]?.say(wire.Started, null)
    await until(
      () => peers[1]?.killed,
      (killed) => killed === true,
    )
    await stat(files)
    expect(peers).toHaveLength(3)
  })

  test('sends its answer in single bytes: it is the same answer', async () => {
    const { files } = guest({
      request(peer) {
        const bytes = Buffer.concat([
          encodeFileFrame(wire.Entry.kind, wire.Entry.encode(entry)),
          encodeFileFrame(wire.Done.kind, new Uint8Array(0)),
        ])
        for (const byte of bytes) peer.raw(Uint8Array.of(byte))
      },
    })
    expect(await stat(files)).toEqual(entry)
  })

  test('says numbers that no number holds', async () => {
    const most = 2n ** 64n - 1n
    const { files } = guest({
      request(peer, { kind }) {
        if (kind === wire.Unpack.kind) peer.say(wire.Started, null)
        else if (kind === wire.DataEnd.kind) peer.say(wire.Unpacked, { bytes: most, files: most })
        else if (kind === wire.Replace.kind) peer.say(wire.Replaced, { path: 'x'.repeat(200_000), replacements: most, skipped: 'none' })
        if (kind !== wire.Unpack.kind) peer.say(wire.Done, null)
      },
    })
    const big = Number.MAX_SAFE_INTEGER
    expect(await files.unpack(op(), 'a', 'merge', [])).toEqual({ bytes: big, files: big })
    expect(await files.replace(op(), ['a'], { pattern: 'x', replacement: 'y', dryRun: false })).toEqual([
      { path: 'a', replacements: big, skipped: 'none' },
    ])
  })
})

describe('a call', () => {
  test('that is given up ends its helper, and what it had of the answer is not taken for all of it', async () => {
    const { files, peers } = guest({
      request(peer) {
        if (peers.length > 1) return answer(peer)
        peer.say(wire.Entry, entry)
        peer.say(Data, new Uint8Array(3))
      },
    })
    const stop = new AbortController()
    const { bytes } = await files.read(new Op('read', { timeoutMs: 5_000, signal: stop.signal }), 'a')
    const iterator = bytes[Symbol.asyncIterator]()
    expect(await iterator.next()).toMatchObject({ done: false })
    // Nobody waits for the next part at this moment.
    stop.abort(new Error('the caller has left'))
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    await expect(iterator.next()).rejects.toThrow('the caller has left')
    expect(await stat(files)).toEqual(entry)
  })

  test('ends at its deadline', async () => {
    const { files, peers } = guest({})
    await expect(stat(files, op(30))).rejects.toThrow(DeadlineError)
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
  })

  test.each<[string, (of: GuestFiles) => Promise<unknown>]>([
    ['in the middle', async (of) => take((await of.read(op(), 'a')).bytes, 1)],
    ['before it began', async (of) => (await of.read(op(), 'a')).bytes[Symbol.asyncIterator]().return?.()],
    ['of a list', (of) => take(of.list(op(), '.', 1), 1)],
    ['of an archive', async (of) => take(await of.pack(op(), '.'), 1)],
  ])('whose answer is left %s ends its helper', async (_what, call) => {
    const { files, peers } = guest({
      request(peer, { kind }) {
        if (kind === wire.Read.kind) peer.say(wire.Entry, entry)
        if (kind === wire.List.kind) peer.say(wire.Entries, [entry])
        else if (kind === wire.Stat.kind) answer(peer)
        else peer.say(Data, new Uint8Array(3))
      },
    })
    await call(files)
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    await stat(files)
    expect(peers).toHaveLength(2)
  })

  test('that nobody began to read holds no helper', async () => {
    const { files, peers } = guest(obliging)
    files.list(op(), '.', 1)
    await settled()
    expect(peers).toHaveLength(0)
  })

  test('with more paths than one frame holds is several requests; one that fits into none is refused', async () => {
    const { files, peers } = guest({
      request(peer, { payload }) {
        for (const path of wire.Replace.decode(payload).paths) peer.say(wire.Replaced, { path, replacements: 1n, skipped: 'none' })
        peer.say(wire.Done, null)
      },
    })
    const paths = Array.from({ length: 1000 }, (_, i) => `/${i}`.padEnd(1000, 'ü'))
    const change = { pattern: 'x', replacement: 'y', dryRun: false }
    const replaced = await files.replace(op(), paths, change)
    expect(replaced.map(({ path }) => path)).toEqual(paths)
    expect(peers).toHaveLength(1)
    expect(peers[0]?.heard.length).toBeGreaterThan(7)
    const invalid = { name: 'FileRefused', refusal: 'invalid' }
    await expect(files.replace(op(), ['a'], { ...change, pattern: 'x'.repeat(wire.LONGEST_FRAME) })).rejects.toMatchObject(invalid)
    await expect(files.stat(op(), 'x'.repeat(wire.LONGEST_FRAME), { follow: true })).rejects.toMatchObject(invalid)
  })
})

describe('the line', () => {
  /** Helpers that answer when the test says. */
  const patient = async () => {
    const waiting: Peer[] = []
    const world = guest({ request: (peer) => void waiting.push(peer) })
    const asked = (count: number): Promise<unknown> =>
      until(
        () => waiting.length,
        (length) => length === count,
      )
    // Who opens the channel is not the first to have it.
    await world.client.generation(op())
    return { ...world, waiting, asked }
  }

  test('is first come, first served, and five are served at a time', async () => {
    const { files, peers, waiting, asked } = await patient()
    const done: number[] = []
    const calls = Array.from({ length: 7 }, (_, i) => stat(files).then(() => done.push(i)))
    await asked(5)
    await settled()
    expect(peers).toHaveLength(5)
    for (let i = 0; i < 7; i++) {
      await asked(Math.min(7, 5 + i))
      answer(waiting[i]!) // asked() has seen it
      await until(
        () => done.length,
        (count) => count === i + 1,
      )
    }
    await Promise.all(calls)
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(peers).toHaveLength(5)
  })

  test('is left at the deadline, without a place', async () => {
    const { files, waiting, asked } = await patient()
    const busy = Array.from({ length: 5 }, () => stat(files))
    await asked(5)
    await expect(stat(files, op(20))).rejects.toThrow(DeadlineError)
    for (const peer of waiting) answer(peer)
    await Promise.all(busy)
    const again = Array.from({ length: 5 }, () => stat(files))
    await asked(10)
    for (const peer of waiting.slice(5)) answer(peer)
    await Promise.all(again)
  })

  test('is not held up by helpers that others left idle', async () => {
    const { client, peers } = guest(obliging)
    for (const base of ['1', '2', '3', '4', '5', '6']) await stat(client.files({ user: '', base }))
    await until(
      () => peers.map(({ killed }) => killed),
      (killed) => killed.filter(Boolean).length === 1,
    )
    expect(peers.map(({ killed }) => killed)).toEqual([true, false, false, false, false, false])
    await stat(client.files({ user: '', base: '3' }))
    expect(peers).toHaveLength(6)
  })
})

describe('contents', () => {
  test('of 64 MiB are held up by a reader that stops: no more than the window is sent', async () => {
    const chunk = encodeFileFrame(wire.DATA, new Uint8Array(wire.DATA_BYTES))
    let left = 1024
    const opened = (peer: Peer): void => {
      for (; left > 0 && peer.room >= chunk.length; left--) peer.raw(chunk)
      if (left === 0 && peer.room > 5) peer.say(wire.Done, null)
    }
    const { files, peers } = guest({
      request(peer) {
        peer.say(wire.Entry, entry)
        opened(peer)
      },
      opened,
    })
    const { bytes } = await files.read(op(), 'a')
    const iterator = bytes[Symbol.asyncIterator]()
    await settled()
    expect(peers[0]?.sent).toBeLessThanOrEqual(HELPER_WINDOW)
    let got = 0
    for (; got < 32 * chunk.length;) got += (await iterator.next()).value?.length ?? 0
    await settled()
    // What was taken has made room, and nothing else has.
    expect(peers[0]?.sent).toBeGreaterThan(got)
    expect(peers[0]?.sent).toBeLessThanOrEqual(got + chunk.length + HELPER_WINDOW)
    await iterator.return?.()
  })

  test('go as Data and an end, after the helper has begun, and no faster than it grants', async () => {
    const { files, peers } = guest(
      { request: (peer, { kind }) => kind === wire.Write.kind && peer.say(wire.Started, null) },
      { grants: false },
    )
    let given = 0
    function* source(): Generator<Uint8Array> {
      for (; given < 100; given++) yield new Uint8Array(100_000).fill(given)
    }
    const written = files.write(op(), 'a', source(), { mode: 0o600, append: true })
    await until(
      () => peers[0]?.heard.length,
      (count) => count === 5,
    )
    await settled()
    // The first credit is 256 KiB, and one piece waits.
    expect(given).toBeLessThanOrEqual(3)
    const [peer] = peers
    for (; given < 100;) {
      peer?.grant(65_536)
      await turn()
    }
    peer?.grant(200_000)
    await until(
      () => peer?.heard.at(-1)?.kind,
      (kind) => kind === wire.DataEnd.kind,
    )
    if (peer) answer(peer)
    expect(await written).toEqual(entry)
    expect(wire.Write.decode(peer?.heard[0]?.payload ?? new Uint8Array(0))).toEqual({
      path: 'a',
      append: true,
      mode: 0o600,
      exclusive: false,
    })
    const sent = peer?.heard.slice(1, -1) ?? []
    expect(sent.every(({ kind, payload }) => kind === wire.DATA && payload.length <= wire.DATA_BYTES)).toBe(true)
    const whole = Buffer.concat(sent.map(({ payload }) => payload))
    expect([whole.length, whole[99_999], whole[100_000], whole.at(-1)]).toEqual([10_000_000, 0, 1, 99])
  })

  test('that are refused in the middle are not asked for any longer, even of a source that gives nothing', async () => {
    const refusal = encodeFileFrame(wire.Refused.kind, wire.Refused.encode({ refusal: 'no_space', message: 'full' }))
    const { files, peers } = guest({
      request(peer, { kind }) {
        if (kind === wire.Write.kind) peer.say(wire.Started, null)
        if (kind === wire.Stat.kind) answer(peer)
        if (kind !== wire.DATA) return
        // In two pieces: the first says nothing yet.
        peer.raw(refusal.subarray(0, 7))
        setImmediate(() => peer.raw(refusal.subarray(7)))
      },
    })
    let returned = false
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: (() => {
          let calls = 0
          return (): Promise<IteratorResult<Uint8Array>> =>
            ++calls === 1 ? Promise.resolve({ done: false, value: new Uint8Array(3) }) : new Promise(() => {})
        })(),
        return: () => {
          returned = true
          return Promise.resolve({ done: true as const, value: undefined })
        },
      }),
    }
    await expect(files.write(op(), 'a', source)).rejects.toMatchObject({ name: 'FileRefused', refusal: 'no_space', message: 'full' })
    expect(returned).toBe(true)
    await stat(files)
    expect(peers.map(kinds)).toEqual([[wire.Write.kind, wire.DATA, wire.DataEnd.kind, wire.Stat.kind]])
  })

  test('that are refused at once are not touched, and there is no end to send', async () => {
    const { files, peers } = guest({
      request: (peer, { kind }) => (kind === wire.Write.kind ? peer.say(wire.Refused, { refusal: 'exists', message: '' }) : answer(peer)),
    })
    let touched = false
    function* source(): Generator<Uint8Array> {
      touched = true
      yield new Uint8Array(1)
    }
    await expect(files.write(op(), 'a', source(), { exclusive: true })).rejects.toMatchObject({ refusal: 'exists' })
    await stat(files)
    expect([touched, peers.map(kinds)]).toEqual([false, [[wire.Write.kind, wire.Stat.kind]]])
  })

  test('whose source fails end the helper before it can take them for whole', async () => {
    const { files, peers } = guest({ request: (peer, { kind }) => kind === wire.Unpack.kind && peer.say(wire.Started, null) })
    async function* source(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3)
      throw new Error('the upload broke off')
    }
    await expect(files.unpack(op(), 'a', 'merge', source())).rejects.toThrow('the upload broke off')
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    expect(peers.map(kinds)).not.toContainEqual(expect.arrayContaining([wire.DataEnd.kind]))
  })
})

describe('a watch', () => {
  const watching: Script = { request: (peer, { kind }) => (kind === wire.Watch.kind ? peer.say(wire.Started, null) : answer(peer)) }
  const heard = () => {
    const events: string[] = []
    return {
      events,
      listener: {
        event: (kind: string, path: string) => void events.push(`${kind} ${path}`),
        ended: (error: Error) => void events.push(error.message),
      },
    }
  }
  const some = (events: string[], count: number): Promise<unknown> =>
    until(
      () => events.length,
      (length) => length === count,
    )

  test('tells what it hears until it is left, and outlives the op that began it', async () => {
    const { files, peers } = guest(watching)
    const { events, listener } = heard()
    const stop = new AbortController()
    const begun = new Op('watch', { timeoutMs: 5_000, signal: stop.signal })
    const watch = await files.watch(begun, '.', { recursive: true }, listener)
    stop.abort(new Error('over'))
    peers[0]?.say(wire.WatchEvent, { event: 'create', path: '/a' })
    peers[0]?.say(wire.WatchEvent, { event: 'overflow', path: '' })
    await some(events, 2)
    expect(events).toEqual(['create /a', 'overflow '])
    watch[Symbol.dispose]()
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    await settled()
    expect(events).toHaveLength(2)
  })

  test.each<[string, (peer: Peer) => void, string]>([
    ['dies', (peer) => peer.exit(1), 'The file helper in the machine ended with exit code 1'],
    ['is refused', (peer) => peer.say(wire.Refused, { refusal: 'not_found', message: 'it is gone' }), 'it is gone'],
    ['is done', (peer) => peer.say(wire.Done, null), 'The machine ended the watch'],
    ['talks nonsense', (peer) => peer.say(wire.Entry, entry), 'broke its protocol'],
  ])('that %s says so at last, and once', async (_what, end, words) => {
    const { files: asked, peers } = guest(watching)
    const { events, listener } = heard()
    await asked.watch(op(), '.', { recursive: true }, listener)
    if (peers[0]) end(peers[0])
    await some(events, 1)
    await settled()
    expect(events).toEqual([expect.stringContaining(words)])
  })

  test('that is lost with its channel says so', async () => {
    const { files, sockets } = guest(watching)
    const { events, listener } = heard()
    await files.watch(op(), '.', { recursive: true }, listener)
    sockets[0]?.destroy()
    await some(events, 1)
    expect(events).toEqual(['The channel to the machine’s agent was closed'])
  })

  test('takes nobody’s place in the line; there may be 32', async () => {
    const { files, peers } = guest(watching)
    const { listener } = heard()
    const watches: Disposable[] = []
    for (let i = 0; i < 32; i++) watches.push(await files.watch(op(), '.', { recursive: true }, listener))
    expect(await stat(files)).toEqual(entry)
    await expect(files.watch(op(), '.', { recursive: true }, listener)).rejects.toMatchObject({ name: 'FileRefused', refusal: 'too_many' })
    expect(peers).toHaveLength(33)
    watches[0]?.[Symbol.dispose]()
    watches[0]?.[Symbol.dispose]()
    await files.watch(op(), '.', { recursive: true }, listener)
    await expect(files.watch(op(), '.', { recursive: true }, listener)).rejects.toMatchObject({ refusal: 'too_many' })
  })

  test('whose listener fails ends, and nothing else does', async () => {
    const { files, peers, sockets } = guest(watching)
    const ended: string[] = []
    const listener = {
      event: () => {
        throw new Error('no')
      },
      ended: (error: Error) => void ended.push(error.message),
    }
    await files.watch(op(), '.', { recursive: true }, listener)
    peers[0]?.say(wire.WatchEvent, { event: 'create', path: '/a' })
    await some(ended, 1)
    expect([ended, peers[0]?.killed]).toEqual([['no'], expect.any(Boolean)])
    await stat(files)
    expect(sockets).toHaveLength(1)
  })
})
