// Places in the line, in the moments in which two things happen at once.

import { expect, test } from 'vitest'
import { Op } from '../../observe/op.ts'
import { FileHelpers, type Lease } from './file-helpers.ts'
import type { Attachment } from './guest.ts'

const as = { user: '', base: '' }
const op = (signal?: AbortSignal): Op => new Op('test', { timeoutMs: 1_000, signal })
const attachment: Attachment = {
  pid: 1,
  taken() {},
  write: () => Promise.resolve(),
  drained: async () => {},
  closeInput() {},
  signal() {},
  resize() {},
  detach() {},
}
const take = (helpers: FileHelpers, signal?: AbortSignal): Promise<Lease> => helpers.take(op(signal), as, { fresh: false, flows: true })

test.each([
  ['gives up just before its turn', true],
  ['gives up just after its turn', false],
])('one that %s costs no place', async (_what, first) => {
  const helpers = new FileHelpers(() => Promise.resolve(attachment))
  const leases = await Promise.all([1, 2, 3, 4].map(() => take(helpers)))
  const stop = new AbortController()
  const leaving = take(helpers, stop.signal)
  const next = take(helpers)
  if (first) stop.abort(new Error('left'))
  leases[0]?.giveBack()
  if (!first) stop.abort(new Error('left'))
  // One whose turn has come may still get it: it is the call that sees that nobody wants it any more.
  await leaving.then(
    (lease) => lease.giveBack(),
    (error: Error) => expect(error.message).toBe('left'),
  )
  for (const lease of [await next, ...leases.slice(1)]) lease.giveBack()
  const again = await Promise.all([1, 2, 3, 4].map(() => take(helpers)))
  await expect(helpers.take(new Op('test', { timeoutMs: 10 }), as, { fresh: false, flows: true })).rejects.toThrow('longer than allowed')
  for (const lease of again) lease.giveBack()
})

test('contents that nobody takes leave a place for questions', async () => {
  const helpers = new FileHelpers(() => Promise.resolve(attachment))
  const slow = await Promise.all([1, 2, 3, 4].map(() => take(helpers)))
  const waiting = take(helpers)
  const ask = (): Promise<Lease> => helpers.take(op(), as, { fresh: false, flows: false })
  const question = await ask()
  await expect(helpers.take(new Op('test', { timeoutMs: 10 }), as, { fresh: false, flows: false })).rejects.toThrow('longer than allowed')
  question.giveBack()
  slow[0]?.giveBack()
  await waiting
  await ask()
})

test('one whose helper does not start costs no place', async () => {
  let failing = true
  const helpers = new FileHelpers(() => (failing ? Promise.reject(new Error('no room')) : Promise.resolve(attachment)))
  for (let i = 0; i < 6; i++) await expect(take(helpers)).rejects.toThrow('no room')
  for (let i = 0; i < 40; i++) await expect(helpers.takeOwn(op(), as)).rejects.toThrow('no room')
  failing = false
  await Promise.all([1, 2, 3, 4].map(() => take(helpers)))
  await helpers.takeOwn(op(), as)
})
