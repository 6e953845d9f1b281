import type { OwnerId } from '@nullspace/contract/ids.ts'

/** Who calls: an API key, and whose it is. */
export interface Principal {
  readonly keyId: string
  readonly ownerId: OwnerId
  readonly ownerName: string
  readonly scope: 'operator' | 'user'
}
