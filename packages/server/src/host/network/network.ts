// A machine's network is a slot: a namespace with a tap for the guest, an egress policy, and one address by which the
// host reaches the guest. Every guest sees the same addresses inside its slot, so a restored one needs no renumbering.

import type { Op } from '../../observe/op.ts'

export interface EgressPolicy {
  readonly internetAccess: boolean
}

export interface Slot {
  /** Unique on this host while reserved; also decides the uid of the machine's hypervisor (uidBase + index). */
  readonly index: number
  readonly uid: number
  /** Null where the host has no slots to give (driver without a network). */
  readonly link: { readonly netns: string; readonly tap: string } | null
  /** Where the host reaches the guest's ports, an IPv4 address; null as above. */
  readonly address: string | null
}

export interface Network {
  readonly kind: 'netns' | 'none'
  /** Host-wide rules; harmless twice. Rejects with a sentence that says what is missing. */
  setUp(op: Op): Promise<void>
  /** A slot with the policy in force. Takes a pre-made one when there is, makes one when not. */
  reserve(op: Op, policy: EgressPolicy): Promise<Slot>
  /** Marks a slot as taken by a machine that outlived the daemon; null when its namespace is gone. */
  adopt(op: Op, index: number): Promise<Slot | null>
  /** Removes the slot and all its traffic. Harmless on one that is gone. */
  release(op: Op, index: number): Promise<void>
  /** Removes every slot of this daemon instance that is neither reserved, adopted nor pre-made now; returns their indices. */
  sweep(op: Op): Promise<number[]>
  /** Makes spare slots up to the configured number; called in the background. */
  refill(op: Op): Promise<void>
  /** Stops making spares and removes them. Reserved slots stay: their machines outlive the daemon. */
  close(): Promise<void>
}
