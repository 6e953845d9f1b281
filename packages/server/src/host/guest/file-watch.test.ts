// Watches of file helpers: what they tell, and how they end.

import * as wire from '@nullspace/guest-protocol/files.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { Op } from '../../observe/op.ts'
import { answer, entry, guest, op, type Peer, type Script, settled, stat } from './testing/scripted-guest.ts'

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
    expect(ended).toEqual(['no'])
    await until(
      () => peers[0]?.killed,
      (killed) => killed === true,
    )
    await stat(files)
    expect(sockets).toHaveLength(1)
  })
})
