// From here to a machine.

import { basename, resolve } from 'node:path'
import { getUploadSession } from '@nullspace/contract/uploads.ts'
import {
  Files,
  FileUploadError,
  MachineError,
  TimeoutError,
  TransportError,
  type UploadOptions,
  type UploadProgress,
  type UploadResult,
} from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { CliError, usageError } from '../core/failure.ts'
import { Interrupted } from '../core/io.ts'
import { standardInput } from '../core/local-files.ts'
import { choice, many, text, whole, type ValuesOf } from '../core/options.ts'
import { size } from '../core/table.ts'
import { shellWord } from '../core/text.ts'
import { remotePlace } from './places.ts'
import { progressBar, type Bar } from './progress.ts'

export const sendOptions = {
  exclude: many(
    '--exclude <glob>',
    'Of a directory: leave out what fits, as a line of a .gitignore; behind those of its .nullspaceignore',
    (glob) => glob,
  ),
  resumable: choice('--resumable <when>', 'In parts, which survive a cut (default: auto, for files over 8 MiB)', [
    'auto',
    'always',
    'never',
  ]),
  checksum: choice('--checksum <when>', 'Check the whole at the end (default: auto, when it goes in parts)', ['auto', 'always']),
  concurrency: whole('--concurrency <n>', 'Parts at once (default: as many as the daemon allows)'),
  conflict: choice('--conflict <what>', 'With what is there (default: merge, which lays a directory over it and replaces files)', [
    'merge',
    'replace',
    'error',
  ]),
  resume: text('--resume <upload>', 'Go on with an upload that was cut'),
}

type Values = ValuesOf<typeof sendOptions>

export interface Sending extends Values {
  readonly id: string
  /** Local path; `-` is standard input. */
  readonly source: string
  readonly destination: string
  readonly user: string | undefined
}

type Around = Pick<Context<unknown>, 'client' | 'io' | 'json' | 'note'>

export async function send(around: Around, sending: Sending): Promise<UploadResult> {
  const { client, io, json, note } = around
  refuseOdd(sending)
  const { id, source, exclude: ignore, concurrency: maxConcurrency, resume } = sending
  const files = new Files(client, id)
  const from = source === '-' ? standardInput(io) : resolve(io.cwd, source)
  let uploadId = resume
  using bar = progressBar(io, source === '-' ? 'standard input' : basename(from as string) || source, json)
  const options = {
    signal: io.signal,
    ignore,
    maxConcurrency,
    onProgress(progress: UploadProgress): void {
      uploadId = progress.uploadId ?? uploadId
      draw(bar, progress)
    },
  }
  try {
    if (resume === undefined) return await files.upload(from, remotePlace(sending.destination), { ...options, ...wishes(sending) })
    await refuseOtherTarget(around, sending, resume)
    return await files.resumeUpload(resume, from, options)
  } catch (error) {
    bar.end()
    if (uploadId !== undefined && source === '-' && resume === undefined) await giveUp(files, uploadId)
    else if (uploadId !== undefined && (await canGoOn(around, id, uploadId, error))) {
      note(`note: what has come is kept for a day; to go on: ${resumeLine(sending, uploadId)}`)
    }
    throw inOurWords(error)
  }
}

/** For a person. */
export function sentLine({ kind, targetPath, fileCount, bytesUploaded }: UploadResult): string {
  const what = kind === 'file' ? '' : `${fileCount} ${fileCount === 1 ? 'file' : 'files'} `
  return `uploaded ${what}to ${targetPath} (${size(bytesUploaded)})\n`
}

function refuseOdd({ resume, resumable, checksum, conflict, user }: Sending): void {
  if (resumable === 'never' && checksum === 'always') throw usageError('--checksum always needs parts', 'Leave --resumable never out.')
  if (resumable === 'never' && conflict === 'error') throw usageError('--conflict error needs parts', 'Leave --resumable never out.')
  const fixed = Object.entries({ resumable, checksum, conflict, user }).find(([, value]) => value !== undefined)
  if (resume !== undefined && fixed) throw usageError(`--${fixed[0]} was settled when the upload began`, 'Leave it out with --resume.')
}

const RESUMABLE = { auto: undefined, always: true, never: false } as const

const wishes = ({ resumable = 'auto', checksum, conflict, user }: Sending): UploadOptions => ({
  resumable: RESUMABLE[resumable],
  checksum: checksum === 'always' ? 'sha256' : 'auto',
  conflict,
  user,
})

const DOING: Partial<Record<UploadProgress['phase'], string>> = {
  preparing: 'preparing',
  retrying: 'was cut, sending again',
  refreshing_status: 'asking how far it is',
  completing: 'putting it in place',
}

function draw(bar: Bar, { phase, bytesCompleted, bytesTotal }: UploadProgress): void {
  if (phase === 'completed' || phase === 'failed') return
  bar.show(bytesCompleted, bytesTotal, DOING[phase])
}

/** It goes where it was begun for, whatever the command line says: so they must agree. */
async function refuseOtherTarget({ client, io }: Around, { id, source, destination }: Sending, uploadId: string): Promise<void> {
  const { target_path: target } = await client.call(getUploadSession, { params: { id, upload_id: uploadId } }, { signal: io.signal })
  const place = remotePlace(destination)
  if (target === place || (source !== '-' && target === place + basename(resolve(io.cwd, source)))) return
  throw usageError(`${uploadId} was begun for ${target}`, 'Name the same source and destination as then.')
}

/** Leaving takes no longer than that, ms. */
const ASKING_MS = 5000

/** Standard input cannot be read again. */
async function giveUp(files: Files, uploadId: string): Promise<void> {
  try {
    await files.abortUpload(uploadId, { requestTimeoutMs: ASKING_MS })
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
  }
}

/** Reasons that are not in what was sent. */
const MENDABLE = new Set(['target_conflict', 'insufficient_staging_space', 'invalid_part_checksum', 'missing_parts'])
const OPEN = new Set(['created', 'uploading', 'staged', 'completing'])

/** Whether the same can be sent on. When the daemon cannot be asked, it may. */
async function canGoOn({ client }: Around, id: string, uploadId: string, error: unknown): Promise<boolean> {
  // What is here has changed, or is not what can be put in place.
  if (error instanceof CliError || wrappedCode(error) === 'invalid_request') return false
  if (error instanceof FileUploadError && error.reason !== undefined && !MENDABLE.has(error.reason)) return false
  if (error instanceof Interrupted) return true
  try {
    const session = await client.call(getUploadSession, { params: { id, upload_id: uploadId } }, { requestTimeoutMs: ASKING_MS })
    return OPEN.has(session.status)
  } catch (asking) {
    return asking instanceof TransportError || asking instanceof TimeoutError
  }
}

const wrappedCode = (error: unknown): unknown => (error instanceof FileUploadError ? error.details?.['wrapped_code'] : undefined)

function resumeLine({ id, source, destination, exclude = [] }: Sending, uploadId: string): string {
  const excluded = exclude.flatMap((glob) => ['--exclude', glob])
  return ['nullspace', 'machine', 'upload', id, source, destination, ...excluded, '--resume', uploadId].map(shellWord).join(' ')
}

const ADVICE: Readonly<Record<string, string>> = {
  target_conflict: 'Remove it first, name another destination, or use --conflict replace.',
  whole_checksum_mismatch: 'Name the same source, unchanged, or upload it anew.',
  upload_aborted: 'Upload it anew.',
  upload_expired: 'Upload it anew.',
  directory_extract_invalid_symlink: 'Leave it out with --exclude.',
}

/** The SDK speaks of its options, and the daemon of the wire. */
function inOurWords(error: unknown): unknown {
  if (!(error instanceof MachineError)) return error
  if (error.suggestedAction?.includes('`ignore`')) return usageError(error.message, 'Leave it out with --exclude.')
  if (error.details?.['reason'] === 'is_directory') {
    return new CliError(error.code, error.message, 'End the destination with a slash to put it in there.')
  }
  if (!(error instanceof FileUploadError)) return error
  const { code, message, requestId, retryable, details, reason, uploadId, path, partNumber } = error
  const suggestedAction = reason === undefined ? error.suggestedAction : ADVICE[reason]
  return new FileUploadError(message, {
    code,
    requestId,
    retryable,
    suggestedAction,
    details,
    reason,
    uploadId,
    path,
    partNumber,
    cause: error,
  })
}
