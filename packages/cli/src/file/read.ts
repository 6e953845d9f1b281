import { resolve } from 'node:path'
import { readFile } from '@nullspace/contract/files.ts'
import { defineCommand } from '../core/command.ts'
import type { Io } from '../core/io.ts'
import { saveFile } from '../core/local-files.ts'
import { choice, flag, text } from '../core/options.ts'
import { size } from '../core/table.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileRead = defineCommand({
  path: 'machine file read',
  summary: 'Print a file, byte by byte as it is and however long. With --json, its content as text (up to 128 MiB).',
  args: { id: idArgument, path: pathArgument },
  options: {
    encoding: choice('--encoding <name>', 'Of what is printed', ['utf8', 'base64']),
    out: text('--out <file>', 'A local file to write it to, whole or not at all; - is standard output'),
    force: flag('--force', 'Replace a local file that is there'),
    user: userOption,
  },
  examples: [
    'nullspace machine file read mch_abc notes.txt',
    'nullspace machine file read mch_abc /workspace/plot.png > plot.png',
    'nullspace machine file read mch_abc /workspace/plot.png --out plot.png --force',
    'nullspace machine file read mch_abc /workspace/plot.png --encoding base64 --json',
  ],
  async run(context) {
    const { client, args, io, json } = context
    const { id, path, encoding = 'utf8', out = '-', user } = args
    if (json && out === '-') {
      const body = { path, encoding, ...(user === undefined ? {} : { user }) }
      return client.call(readFile, { params: { id }, body }, { signal: io.signal }, { safety: 'read', timeoutMs: 300_000 })
    }
    const { files, options } = filesOf(context)
    const bytes = files.readStream(path, options)
    const pieces = encoding === 'base64' ? inBase64(bytes) : bytes
    if (out !== '-') {
      const local = resolve(io.cwd, out)
      return { path: local, size: await saveFile(local, pieces, args.force === true) }
    }
    await print(pieces, io)
    return undefined
  },
  render(value, { io }) {
    if (value !== undefined && 'path' in value) io.stdout.write(`wrote ${value.path} (${size(value.size)})\n`)
  },
})

/** No faster than it is taken. */
async function print(pieces: AsyncIterable<Uint8Array>, { stdout }: Pick<Io, 'stdout'>): Promise<void> {
  for await (const piece of pieces) {
    stdout.write(piece)
    await stdout.drained()
  }
}

/** One line, made as the bytes come. */
async function* inBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = Buffer.alloc(0)
  for await (const piece of bytes) {
    const all = Buffer.concat([rest, piece])
    // Three bytes are four characters.
    const whole = all.length - (all.length % 3)
    if (whole > 0) yield Buffer.from(all.toString('base64', 0, whole))
    rest = Buffer.from(all.subarray(whole))
  }
  yield Buffer.from(`${rest.toString('base64')}\n`)
}
