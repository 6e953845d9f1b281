// Identifiers: one factory per prefix. The random part is 20 characters of base32 (100 bits), lower case, so that an id
// can stand in a host name.

import { z } from 'zod'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const RANDOM_LENGTH = 20

function idFamily<const Prefix extends string>(prefix: Prefix) {
  const pattern = new RegExp(`^${prefix}_[a-z2-7]{${RANDOM_LENGTH}}$`)
  return {
    prefix,
    pattern,
    schema: z.string().regex(pattern),
    /** `random` gives that many random bytes; passed in so that tests can fix it. */
    mint(random: (bytes: number) => Uint8Array): `${Prefix}_${string}` {
      const bytes = random(RANDOM_LENGTH)
      return `${prefix}_${Array.from(bytes, (byte) => ALPHABET[byte & 31]).join('')}`
    },
  }
}

export const machineIds = idFamily('mch')
export const snapshotIds = idFamily('snap')
export const ownerIds = idFamily('own')
export const terminalIds = idFamily('ses')
export const operationIds = idFamily('op')
export const uploadIds = idFamily('upload')

export type MachineId = `mch_${string}`
export type SnapshotId = `snap_${string}`
export type OwnerId = `own_${string}`
export type OperationId = `op_${string}`
export type UploadId = `upload_${string}`
