// No network: machines still get a slot, because its index decides the uid their hypervisor runs under.

import { Indices } from './indices.ts'
import { busyUids } from './slot.ts'
import type { Network, Slot } from './network.ts'

export function createNoNetwork({ uidBase, capacity = 2048 }: { uidBase: number; capacity?: number }): Network {
  const indices = new Indices(capacity)
  const slotOf = (index: number): Slot => ({ index, uid: uidBase + index, link: null, address: null })
  return {
    kind: 'none',
    async setUp() {},
    async reserve(op) {
      op.throwIfDone()
      const busy = await busyUids(uidBase, capacity)
      const index = indices.take((candidate) => busy.has(uidBase + candidate))
      if (index === null) throw new Error(`all ${capacity} slots are in use`)
      indices.mark(index, 'reserved')
      return slotOf(index)
    },
    async adopt(_op, index) {
      if (!(index < capacity)) return null
      indices.mark(index, 'reserved')
      return slotOf(index)
    },
    async release(_op, index) {
      indices.give(index)
    },
    // A slot without a namespace leaves nothing on the host that could be swept.
    async sweep() {
      return []
    },
    async refill() {},
    async close() {},
  }
}
