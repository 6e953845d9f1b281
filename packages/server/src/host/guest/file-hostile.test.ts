// What a malicious file helper comes to.

import * as wire from '@nullspace/guest-protocol/files.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { encodeFileFrame } from './file-frames.ts'
import { HELPER_WINDOW } from './file-helper.ts'
import { ChannelLost } from './guest.ts'
import type { GuestFiles } from './guest-files.ts'
import { answer, Data, entry, guest, op, type Peer, stat, take } from './testing/scripted-guest.ts'

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
