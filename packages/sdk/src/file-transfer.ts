// Uploads and downloads as their caller sees them: what they take, how far they are, what came of them.

import type { CallOptions } from './client.ts'
import type { FileContent } from './content.ts'

/** A local path, or what to read from. */
export type UploadSource = string | URL | Exclude<FileContent, string>

export interface UploadProgress {
  readonly phase: 'preparing' | 'created' | 'uploading' | 'retrying' | 'refreshing_status' | 'completing' | 'completed' | 'failed'
  readonly bytesCompleted: number
  /** Undefined while it is not known. */
  readonly bytesTotal: number | undefined
  /** In one request, or in parts. */
  readonly transport: 'direct' | 'resumable'
  /** Of one in parts, from `created` on. */
  readonly uploadId: string | undefined
}

export interface UploadResult {
  readonly kind: 'file' | 'directory'
  /** In the machine, absolute. */
  readonly targetPath: string
  /** Of a directory: of the files in it. */
  readonly bytesUploaded: number
  /** Files and symlinks. */
  readonly fileCount: number
  readonly transport: UploadProgress['transport']
  readonly resumed: boolean
  /** Of one in parts. */
  readonly uploadId: string | undefined
}

interface Transfer extends Omit<CallOptions, 'idempotencyKey'> {
  /** Name or number of a user of the machine; default root. */
  readonly user?: string | undefined
}

interface Sending {
  /** How many parts at once, each held in memory; at most, and by default, as many as the daemon allows (4 of 8 MiB). */
  readonly maxConcurrency?: number | undefined
  /** Of a directory: patterns of what to leave out, as in a `.gitignore`; come after those of its file `.nullspaceignore`. */
  readonly ignore?: readonly string[] | undefined
  /** What it throws ends the upload. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

export interface UploadOptions extends Transfer, Sending {
  /** What becomes of something that is there; `merge`, the default, lays a directory over it and replaces files. */
  readonly conflict?: 'merge' | 'replace' | 'error' | undefined
  /** Whether a file goes in parts, which survive a cut; default: when it is longer than 8 MiB. A stream is kept on disk for that. */
  readonly resumable?: boolean | undefined
  /** `sha256`: the whole is checked, which is always so in parts. */
  readonly checksum?: 'auto' | 'sha256' | undefined
}

export interface ResumeUploadOptions extends Omit<Transfer, 'user'>, Sending {}

export interface DownloadProgress {
  readonly phase: 'downloading' | 'completed' | 'failed'
  readonly bytesCompleted: number
  /** Undefined for a directory. */
  readonly bytesTotal: number | undefined
  readonly transport: 'direct'
}

export interface DownloadOptions extends Transfer {
  /** Whether something at the local path is replaced. Default false: it is an error. */
  readonly overwrite?: boolean | undefined
  /** What it throws ends the download. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
}

export interface DownloadResult {
  readonly kind: 'file' | 'directory'
  /** Local. */
  readonly path: string
  /** Of a directory: of its archive. */
  readonly bytesDownloaded: number
  /** Of a directory: what was left out, for it is no file, directory or symlink, or is a symlink that leads out of it. */
  readonly leftOut: readonly string[]
}
