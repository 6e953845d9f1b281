import { posix } from 'node:path'
import { BatchWriteError, type FailedWrite, type FileInfo, type FileToWrite } from '@nullspace/sdk'
import { EXIT } from '@nullspace/contract/exit-codes.ts'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import type { Io } from '../core/io.ts'
import { fileToRead, piecesOfFile } from '../core/local-files.ts'
import { manyArguments } from '../core/options.ts'
import { size } from '../core/table.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, userOption } from './common.ts'

interface Outcome {
  readonly successes: readonly FileInfo[]
  readonly failures: readonly FailedWrite[]
}

export const fileWriteFiles = defineCommand({
  path: 'machine file write-files',
  summary: 'Write up to 1000 files in one request. Each is written or named with its error; exits with 1 when one was not.',
  args: {
    id: idArgument,
    pairs: manyArguments(
      'local=remote',
      'A local file, and its path in the machine; one that ends with a slash is the directory to put it in',
    ),
  },
  options: { user: userOption },
  examples: [
    'nullspace machine file write-files mch_abc main.py=/workspace/main.py data.csv=/workspace/data/',
    'nullspace machine file write-files mch_abc a.txt=a.txt b.txt=b.txt --json',
  ],
  async run(context): Promise<Outcome> {
    const { args, io } = context
    if (args.pairs.length === 0) throw usageError('no files given', 'Name them as LOCAL=REMOTE.')
    const wanted = await Promise.all(args.pairs.map((pair) => fileOf(pair, io)))
    const { files, options } = filesOf(context)
    try {
      return { successes: await files.writeMany(wanted, options), failures: [] }
    } catch (error) {
      if (!(error instanceof BatchWriteError)) throw error
      return { successes: error.successes, failures: error.failures }
    }
  },
  toJson: toWire,
  render({ successes, failures }, { io }) {
    for (const { path, size: bytes } of successes) io.stdout.write(`wrote ${path} (${size(bytes)})\n`)
    for (const { path, error } of failures) io.stderr.write(`error: ${path}: ${error}\n`)
  },
  exitCode: ({ failures }) => (failures.length > 0 ? EXIT.failure : EXIT.ok),
})

async function fileOf(pair: string, io: Io): Promise<FileToWrite> {
  const at = pair.indexOf('=')
  const [local, remote] = [pair.slice(0, at), pair.slice(at + 1)]
  if (at < 1 || remote === '') throw usageError(`"${pair}" is not LOCAL=REMOTE`)
  const path = await fileToRead(io, local)
  return { path: remote.endsWith('/') ? remote + posix.basename(path) : remote, content: piecesOfFile(path) }
}
