// Uploads of local files, directories and streams. Loaded when it is first needed: it uses Node's own modules.

import { createHash } from 'node:crypto'
import { fileInfo, uploadFileRaw } from '@nullspace/contract/files.ts'
import { completeUploadSession, createUploadSession, getUploadSession, type UploadSession } from '@nullspace/contract/uploads.ts'
import type { Client } from '../client.ts'
import { piecesOf } from '../content.ts'
import { FileUploadError, MachineError } from '../errors.ts'
import type { ResumeUploadOptions, UploadOptions, UploadProgress, UploadResult, UploadSource } from '../file-transfer.ts'
import { invalid, ofLocalFiles, orTold } from './failure.ts'
import { DIRECT_BYTES, isPath, openSource } from './open-source.ts'
import { piecesFrom, type Source } from './source.ts'
import { refuseEnded, sendParts, withUploadId } from './upload-parts.ts'

/** Where to, and how far it is. */
interface Sending {
  readonly client: Client
  readonly machineId: string
  readonly options: UploadOptions
  readonly progress: Progress
}

export async function upload(
  client: Client,
  machineId: string,
  from: UploadSource,
  destination: string,
  options: UploadOptions,
): Promise<UploadResult> {
  const { resumable, checksum, conflict, ignore = [] } = options
  const inParts = resumable === true || checksum === 'sha256' || conflict === 'error'
  const progress = progressOf(options.onProgress)
  const sending = { client, machineId, options, progress }
  return orTold(progress.tell, async () => {
    if (resumable === false && inParts) throw invalid('checksum and conflict go with parts only')
    if (resumable === false && !isPath(from) && !(from instanceof Uint8Array))
      return direct(sending, () => piecesOf(from), targetOf(destination, undefined), 'never')
    progress.tell('preparing')
    const source = await openSource(from, ignore)
    try {
      const target = targetOf(destination, source.name)
      const isLarge = source.length > DIRECT_BYTES && resumable !== false
      progress.total = source.length
      if (source.kind !== 'directory_archive' && !inParts && !isLarge)
        return await direct(sending, () => piecesFrom(source), target, 'read')
      return await begin(sending, source, target)
    } finally {
      await source.close()
    }
  })
}

export async function resumeUpload(
  client: Client,
  machineId: string,
  uploadId: string,
  from: UploadSource,
  options: ResumeUploadOptions,
): Promise<UploadResult> {
  const progress = progressOf(options.onProgress)
  const sending = { client, machineId, options, progress }
  return orTold(progress.tell, async () => {
    progress.transport = 'resumable'
    progress.uploadId = uploadId
    progress.tell('refreshing_status')
    const session = await client.call(getUploadSession, { params: { id: machineId, upload_id: uploadId } }, callOf(options))
    return named(session, async () => {
      refuseEnded(session)
      if (session.status === 'completed') return publish(sending, session, undefined, { resumed: true })
      const source = await openSource(from, options.ignore ?? [])
      try {
        // Of the whole: the daemon is to notice a mixture of two.
        const checksum = await checksumOf(source)
        refuseOther(session, source, checksum)
        const first = session.next_part ?? session.part_count
        progress.total = session.content_length
        progress.completed = Math.min(first * session.part_size, session.content_length)
        progress.tell('created')
        return await finish(sending, session, source, { first, checksum })
      } finally {
        await source.close()
      }
    })
  })
}

/** In one request. `never`: there are `pieces` but once. */
async function direct(
  sending: Sending,
  pieces: () => AsyncIterable<Uint8Array>,
  target: string,
  safety: 'read' | 'never',
): Promise<UploadResult> {
  const { client, machineId, options, progress } = sending
  progress.tell('created')
  const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    progress.completed = 0
    for await (const piece of pieces()) {
      progress.completed += piece.length
      progress.tell('uploading')
      yield piece
    }
  }
  const input = { params: { id: machineId }, query: { path: target, ...userOf(options) } }
  await client.send(uploadFileRaw, input, { body }, callOf(options), { safety })
  const targetPath = await fullPath(sending, target, options.user)
  progress.total = progress.completed
  progress.tell('completed')
  const bytesUploaded = progress.completed
  return { kind: 'file', targetPath, bytesUploaded, fileCount: 1, transport: 'direct', resumed: false, uploadId: undefined }
}

async function begin(sending: Sending, source: Source, target: string): Promise<UploadResult> {
  const { client, machineId, options, progress } = sending
  const isArchive = source.kind === 'directory_archive'
  const body = {
    kind: isArchive ? ('directory_tar' as const) : ('file' as const),
    source_kind: source.kind,
    target_path: target,
    content_length: source.length,
    conflict: options.conflict ?? ('merge' as const),
    checksum_algorithm: 'sha256' as const,
    ...(isArchive ? { archive_format: 'tar' as const } : {}),
    ...userOf(options),
  }
  progress.transport = 'resumable'
  const { session } = await client.call(createUploadSession, { params: { id: machineId }, body }, callOf(options))
  progress.uploadId = session.upload_id
  return named(session, () => {
    progress.tell('created')
    return finish(sending, session, source, { first: 0, checksum: undefined })
  })
}

interface Rest {
  readonly first: number
  /** Known beforehand when not all is read here: then something was there already. */
  readonly checksum: string | undefined
}

/** Sends the parts from `first` on and has them put in place. */
async function finish(sending: Sending, session: UploadSession, source: Source, { first, checksum }: Rest): Promise<UploadResult> {
  const { client, machineId, options, progress } = sending
  const hash = checksum === undefined ? createHash('sha256') : undefined
  await sendParts({
    client,
    machineId,
    session,
    source,
    first,
    hash,
    maxConcurrency: options.maxConcurrency,
    options: callOf(options),
    retrying: () => progress.tell('retrying'),
    done: (bytes) => {
      progress.completed += bytes
      progress.tell('uploading')
    },
  })
  progress.tell('completing')
  return publish(sending, session, checksum ?? hash?.digest('hex'), { resumed: checksum !== undefined, fileCount: source.fileCount })
}

/** Of one that is complete, it says so. */
async function publish(
  sending: Sending,
  session: UploadSession,
  checksum: string | undefined,
  { resumed, fileCount }: { readonly resumed: boolean; readonly fileCount?: number },
): Promise<UploadResult> {
  const { client, machineId, options, progress } = sending
  const params = { id: machineId, upload_id: session.upload_id }
  const body = checksum === undefined ? {} : { whole_checksum_sha256: checksum }
  const answer = await client.call(completeUploadSession, { params, body }, callOf(options), { timeoutMs: 300_000 })
  const targetPath = await fullPath(sending, session.target_path, session.user)
  progress.total = progress.completed = session.content_length
  progress.tell('completed')
  return {
    kind: session.kind === 'file' ? 'file' : 'directory',
    targetPath,
    bytesUploaded: answer.published_bytes,
    fileCount: fileCount ?? answer.published_file_count,
    transport: 'resumable',
    resumed,
    uploadId: session.upload_id,
  }
}

/** It is there; only its full path may not be known. */
async function fullPath({ client, machineId, options }: Sending, path: string, user: string | undefined): Promise<string> {
  try {
    const body = { path, ...(user === undefined ? {} : { user }) }
    return (await client.call(fileInfo, { params: { id: machineId }, body }, callOf(options), { safety: 'read' })).path
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    return path
  }
}

function targetOf(destination: string, name: string | undefined): string {
  if (destination !== '' && !destination.endsWith('/')) return destination
  if (name === undefined || destination === '') throw invalid('the destination must be given in full')
  return destination + name
}

async function checksumOf(source: Source): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of piecesFrom(source)) hash.update(piece)
  return hash.digest('hex')
}

function refuseOther(session: UploadSession, source: Source, checksum: string): void {
  const { upload_id: uploadId, target_path: path, content_length: length, whole_checksum_sha256: known } = session
  const isArchive = source.kind === 'directory_archive'
  if (isArchive === (session.kind === 'directory_tar') && source.length === length && (known === undefined || known === checksum)) return
  throw new FileUploadError('the source is not what the upload was begun with', {
    code: 'file_upload_error',
    retryable: false,
    reason: 'whole_checksum_mismatch',
    uploadId,
    path,
  })
}

const callOf = ({ signal, requestTimeoutMs }: UploadOptions) => ({ signal, requestTimeoutMs })
const userOf = ({ user }: UploadOptions) => (user === undefined ? {} : { user })

/** What fails in `work` names the upload, which can be resumed. */
async function named<T>({ upload_id: uploadId, target_path: path }: UploadSession, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw withUploadId(ofLocalFiles(error), uploadId, path)
  }
}

interface Progress {
  transport: UploadProgress['transport']
  uploadId: string | undefined
  completed: number
  total: number | undefined
  readonly tell: (phase: UploadProgress['phase']) => void
}

function progressOf(onProgress: UploadOptions['onProgress']): Progress {
  const progress: Progress = {
    transport: 'direct',
    uploadId: undefined,
    completed: 0,
    total: undefined,
    tell(phase) {
      const { completed: bytesCompleted, total: bytesTotal, transport, uploadId } = progress
      onProgress?.({ phase, bytesCompleted, bytesTotal, transport, uploadId })
    },
  }
  return progress
}
