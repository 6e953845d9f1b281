// File helpers as the daemon holds them: when they are started, kept and ended, and who waits for them.

import * as wire from '@nullspace/guest-protocol/files.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DeadlineError } from '../../observe/op.ts'
import { HELPER_WINDOW } from './file-helper.ts'
import { ChannelLost } from './guest.ts'
import { answer, entry, guest, kinds, obliging, op, type Peer, settled, stat } from './testing/scripted-guest.ts'

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
