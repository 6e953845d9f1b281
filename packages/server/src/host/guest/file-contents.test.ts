// Contents on their way through a file helper: as slow as their other end, and never taken for whole when they are not.

import * as wire from '@nullspace/guest-protocol/files.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { encodeFileFrame } from './file-frames.ts'
import { HELPER_WINDOW } from './file-helper.ts'
import { answer, entry, guest, kinds, op, type Peer, settled, stat, turn } from './testing/scripted-guest.ts'

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
    while (got < 32 * chunk.length) {
      const { done, value } = await iterator.next()
      // An end that comes too early would never be enough.
      expect(done).not.toBe(true)
      got += value?.length ?? 0
    }
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
    for (let turns = 0; given < 100 && turns < 10_000; turns++) {
      peer?.grant(65_536)
      await turn()
    }
    expect(given).toBe(100)
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
