// An upload, from its first part until it is forgotten. Pure; time is a parameter.

import type { MachineId, OwnerId, UploadId } from '@nullspace/contract/ids.ts'
import { UPLOAD_LIMITS, type UploadSession } from '@nullspace/contract/uploads.ts'

/** `open`: takes parts. */
export type UploadState = 'open' | 'completing' | 'completed' | 'aborted' | 'expired'

/** In these its parts are, or may come to be, on the host. */
export const STAGING_STATES = ['open', 'completing'] as const satisfies readonly UploadState[]

export interface Upload {
  readonly id: UploadId
  readonly ownerId: OwnerId
  readonly machineId: MachineId
  readonly kind: UploadSession['kind']
  readonly sourceKind: UploadSession['source_kind']
  readonly targetPath: string
  readonly contentLength: number
  readonly partSize: number
  readonly conflict: UploadSession['conflict']
  /** SHA-256 of the whole, hex in lower case, as far as the caller said it. */
  readonly checksum: string | null
  /** Null: root. */
  readonly user: string | null
  readonly state: UploadState
  readonly createdAt: number
  /** When something last came of it. */
  readonly updatedAt: number
  /** It may be that it is in place already, and only the news of that was lost. */
  readonly maybePublished: boolean
  /** Of one that is completed. */
  readonly published: { readonly bytes: number; readonly files: number } | null
  /** Of the last completion, when repeating cannot mend it: the same request is told it again. */
  readonly failure: { readonly key: string; readonly error: string } | null
}

export interface StagedPart {
  readonly number: number
  /** Its name on the host. */
  readonly file: string
  readonly bytes: number
}

export const isStaging = ({ state }: Upload): boolean => (STAGING_STATES as readonly UploadState[]).includes(state)

/** At least 1, and no more than there is. */
export function partSizeFor(contentLength: number): number {
  return Math.min(UPLOAD_LIMITS.partBytes, Math.max(1, contentLength))
}

export function partCount({ contentLength, partSize }: Pick<Upload, 'contentLength' | 'partSize'>): number {
  return Math.ceil(contentLength / partSize)
}

/** How long this part must be; null when there is none of this number. Of nothing there may be an empty one. */
export function partBytes(upload: Pick<Upload, 'contentLength' | 'partSize'>, number: number): number | null {
  if (number === 0) return Math.min(upload.partSize, upload.contentLength)
  if (number >= partCount(upload)) return null
  return Math.min(upload.partSize, upload.contentLength - number * upload.partSize)
}

/** The first one that is not there; null when all are. `parts` are in their order. */
export function firstMissing(upload: Upload, parts: readonly StagedPart[]): number | null {
  const at = parts.findIndex(({ number }, index) => number !== index)
  const first = at === -1 ? parts.length : at
  return first < partCount(upload) ? first : null
}

export const expiresAt = ({ updatedAt }: Upload): number => updatedAt + UPLOAD_LIMITS.expiresMs

/** As it is at this time: one whose time is over is so, whether somebody has noticed yet or not. */
export function asOf(upload: Upload, now: number): Upload {
  return upload.state === 'open' && expiresAt(upload) <= now ? { ...upload, state: 'expired' } : upload
}
