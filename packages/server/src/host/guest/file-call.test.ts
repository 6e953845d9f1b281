// Calls of file helpers that end before their answer does, or are more than one request.

import * as wire from '@nullspace/guest-protocol/files.ts'
import { until } from '@nullspace/vmm/exam/until.ts'
import { describe, expect, test } from 'vitest'
import { DeadlineError, Op } from '../../observe/op.ts'
import type { GuestFiles } from './guest-files.ts'
import { answer, Data, entry, guest, obliging, op, settled, stat, take } from './testing/scripted-guest.ts'

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
