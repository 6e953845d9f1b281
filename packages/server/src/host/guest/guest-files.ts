// Files of a machine, as one of its users may see and change them.

import type { Conflict, FileEntry, FileRefusal, REPLACE_SKIPS, WatchEventKind } from '@nullspace/guest-protocol/files.ts'
import type { Op } from '../../observe/op.ts'

export type { Conflict, FileEntry, FileRefusal, WatchEventKind } from '@nullspace/guest-protocol/files.ts'

export interface ReplacedFile {
  /** As it was asked. */
  readonly path: string
  readonly replacements: number
  readonly skipped: (typeof REPLACE_SKIPS)[number]
}

export interface Match {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly content: string
}

export interface WriteOptions {
  readonly append?: boolean
  /** Permissions; as the file had, or 0644, when left out. */
  readonly mode?: number
  /** Refused with `exists` when there is a file. */
  readonly exclusive?: boolean
}

export interface WatchListener {
  event(kind: WatchEventKind, path: string): void
  /** The last word: the guest ended the watch. */
  ended(error: Error): void
}

/**
 * Paths may be relative to where the user works, and may begin with `~`. Every call rejects with FileRefused when the guest
 * says no, with GuestFailure when there is no helper to be had, with ChannelLost when the agent is gone.
 */
export interface GuestFiles {
  /** `follow`: of what a symlink leads to. */
  stat(op: Op, path: string, options: { readonly follow: boolean }): Promise<FileEntry>
  /** In batches, no more held than one. Depth 1: what is in the directory. */
  list(op: Op, path: string, depth: number): AsyncIterable<readonly FileEntry[]>
  /** The entry is of the file at its opening; `bytes` must be read to its end, or returned from. */
  read(
    op: Op,
    path: string,
    range?: { readonly offset: number; readonly length?: number },
  ): Promise<{ readonly entry: FileEntry; readonly bytes: AsyncIterable<Uint8Array> }>
  /** The new contents are there all at once or not at all. */
  write(op: Op, path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: WriteOptions): Promise<FileEntry>
  makeDir(op: Op, path: string): Promise<FileEntry>
  rename(op: Op, from: string, to: string): Promise<FileEntry>
  remove(op: Op, path: string): Promise<void>
  chmod(op: Op, path: string, mode: number): Promise<void>
  find(op: Op, path: string, pattern: string, limit: number): AsyncIterable<readonly Match[]>
  search(op: Op, path: string, pattern: string, limit: number): AsyncIterable<readonly string[]>
  replace(
    op: Op,
    paths: readonly string[],
    change: { readonly pattern: string; readonly replacement: string; readonly dryRun: boolean },
  ): Promise<readonly ReplacedFile[]>
  /** Resolves when no change is missed any more. */
  watch(op: Op, path: string, options: { readonly recursive: boolean }, listener: WatchListener): Promise<Disposable>
  /** A tar (PAX), names relative to the directory. */
  pack(op: Op, path: string): Promise<AsyncIterable<Uint8Array>>
  unpack(
    op: Op,
    path: string,
    conflict: Conflict,
    tar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<{ readonly bytes: number; readonly files: number }>
}

/** The guest's answer to what was asked of its files. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  readonly refusal: FileRefusal
  constructor(refusal: FileRefusal, message: string) {
    super(message)
    this.refusal = refusal
  }
}
