// From a machine to here.

import { lstatSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { Files, MachineError, type DownloadResult } from '@nullspace/sdk'
import type { Context } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag } from '../core/options.ts'
import { size } from '../core/table.ts'
import { oneLine } from '../core/text.ts'
import { localPlace } from './places.ts'
import { progressBar } from './progress.ts'

export const receiveOptions = { force: flag('--force', 'Replace what is at the local path, a directory with all that is in it') }

export interface Receiving {
  readonly id: string
  /** In the machine. */
  readonly path: string
  /** `-` is standard output. */
  readonly local: string
  readonly force: boolean | undefined
  readonly user: string | undefined
}

type Around = Pick<Context<unknown>, 'client' | 'io' | 'json'>

/** Undefined when it went to standard output. */
export async function receive(
  { client, io, json }: Around,
  { id, path, local, force, user }: Receiving,
): Promise<DownloadResult | undefined> {
  if (local === '-' && json) throw usageError('the file itself goes to standard output', 'Leave --json out, or name a local path.')
  const { signal } = io
  const files = new Files(client, id)
  using bar = progressBar(io, posix.basename(path) || path, json)
  if (local === '-') {
    let count = 0
    try {
      for await (const piece of files.readStream(path, { user, signal })) {
        io.stdout.write(piece)
        await io.stdout.drained()
        count += piece.length
        // Two on one terminal would spoil each other.
        if (!io.stdout.isTTY) bar.show(count, undefined)
      }
    } catch (error) {
      if (!(error instanceof MachineError) || error.details?.['reason'] !== 'is_directory') throw error
      throw usageError(`${path} is a directory`, 'Name a local path for it.')
    }
    return undefined
  }
  const target = resolve(io.cwd, localPlace(local, path))
  try {
    return await files.download(path, target, {
      user,
      signal,
      overwrite: force,
      onProgress({ phase, bytesCompleted, bytesTotal }) {
        if (phase === 'downloading') bar.show(bytesCompleted, bytesTotal)
      },
    })
  } catch (error) {
    bar.end()
    throw inOurWords(error, target)
  }
}

const SHOWN = 20

/** For a person. */
export function receivedLines({ kind, path, bytesDownloaded, leftOut }: DownloadResult, note: Context<unknown>['note']): string {
  for (const name of leftOut.slice(0, SHOWN)) note(`note: left out: ${oneLine(name)}`)
  if (leftOut.length > SHOWN) note(`note: and ${leftOut.length - SHOWN} more`)
  return `downloaded ${kind === 'file' ? '' : 'a directory '}to ${path} (${size(bytesDownloaded)})\n`
}

/** The SDK speaks of its options. */
function inOurWords(error: unknown, target: string): unknown {
  if (!(error instanceof MachineError) || error.suggestedAction !== 'Use overwrite.') return error
  const isDirectory = lstatSync(target, { throwIfNoEntry: false })?.isDirectory() === true
  return usageError(error.message, `Add --force to replace it${isDirectory ? ', or end the path with a slash to put it in there' : ''}.`)
}
