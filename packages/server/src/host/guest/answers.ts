// What an agent says, as the daemon takes it.

import { Failed } from '@nullspace/guest-protocol/messages.ts'
import { GuestFailure } from './guest.ts'

/** An agent of a guest’s own making may say what no number holds, and no answer may show. */
export function figure(value: bigint): number {
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value)
}

export function failure(payload: Uint8Array): GuestFailure {
  const { reason, message } = Failed.decode(payload)
  return new GuestFailure(reason, message)
}
