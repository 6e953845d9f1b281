// Contents into a machine: one file from a body, or from a part of a form.

import { AppError } from '@nullspace/contract/errors.ts'
import type { FileInfo } from '@nullspace/contract/files.ts'
import type { PartsBody } from '@nullspace/contract/route.ts'
import type { Principal } from '../domain/principal.ts'
import type { WriteOptions } from '../host/guest/guest-files.ts'
import type { App } from './context.ts'
import { beginTransfer } from './files-transfer.ts'
import { type Place, useFiles } from './files-use.ts'
import { infoOf } from './files-view.ts'

export interface Upload {
  readonly path: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
  readonly options?: WriteOptions
}

/** It is there whole or not at all. */
export async function upload(app: App, principal: Principal, place: Place, { path, bytes, signal, options }: Upload): Promise<FileInfo> {
  using use = await useFiles(app, principal, place, { path })
  using transfer = beginTransfer(`upload to ${place.machineId}`, signal)
  try {
    return infoOf(await transfer.owed(use.files.write(transfer.op, path, transfer.toGuest(bytes), options)))
  } catch (error) {
    throw await use.failure(error)
  }
}

/** The part `file` of a form, alone. */
export async function uploadPart(
  app: App,
  principal: Principal,
  place: Place,
  { parts, ...rest }: Omit<Upload, 'bytes'> & PartsBody,
): Promise<void> {
  for await (const part of parts) {
    if (part.name !== 'file') continue
    await upload(app, principal, place, { ...rest, bytes: part.bytes })
    return
  }
  throw new AppError('invalid_request', { say: 'file: the form has no such part.', details: { field: 'file' } })
}
