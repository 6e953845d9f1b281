import type { FileContent } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import type { Io } from '../core/io.ts'
import { fileToRead, piecesOfFile, standardInput } from '../core/local-files.ts'
import { choice, flag, optionalArgument, text } from '../core/options.ts'
import { size } from '../core/table.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileWrite = defineCommand({
  path: 'machine file write',
  summary: 'Write a file, and the directories above it. It is there whole or not at all; what was there is replaced.',
  args: {
    id: idArgument,
    path: pathArgument,
    text: optionalArgument('text', 'What to write, as it is, without a newline behind it; - is standard input'),
  },
  options: {
    from: text('--from <file>', 'Write what is in a local file'),
    encoding: choice('--encoding <name>', 'Of what is given; base64 is decoded first', ['utf8', 'base64']),
    append: flag('--append', 'Write at the end of what is there'),
    mode: text('--mode <octal>', 'Permissions, as 0644; the content is held in memory then'),
    user: userOption,
  },
  examples: [
    "nullspace machine file write mch_abc notes.txt $'first line\\n'",
    'make-report | nullspace machine file write mch_abc /workspace/report.html -',
    'nullspace machine file write mch_abc run.sh --from ./run.sh --mode 0755',
    'nullspace machine file write mch_abc plot.png "$(base64 -w0 plot.png)" --encoding base64',
  ],
  async run(context) {
    const { args, io } = context
    const { path, append, mode, encoding } = args
    const given = await givenContent(args, io)
    const content = encoding === 'base64' ? decoded(await wholeOf(given)) : mode === undefined ? given : await knownBefore(given)
    const { files, options } = filesOf(context)
    return files.write(path, content, { ...options, append, mode })
  },
  toJson: toWire,
  render: (info, { io }) => io.stdout.write(`wrote ${info.path} (${size(info.size)})\n`),
})

interface Given {
  readonly text: string | undefined
  readonly from: string | undefined
}

async function givenContent({ text, from }: Given, io: Io): Promise<FileContent> {
  if (text !== undefined && from !== undefined) throw usageError('a text and --from exclude each other')
  if (from !== undefined && from !== '-') return piecesOfFile(await fileToRead(io, from))
  if (text === '-' || from === '-') return standardInput(io)
  if (text === undefined) throw usageError('nothing to write', 'Give the text, - for standard input, or --from FILE.')
  return text
}

/** Permissions go with what is known to its end. */
const knownBefore = async (content: FileContent): Promise<FileContent> => (typeof content === 'string' ? content : wholeOf(content))

async function wholeOf(content: FileContent): Promise<Uint8Array> {
  if (typeof content === 'string') return Buffer.from(content)
  if (content instanceof Uint8Array) return content
  const pieces: (Uint8Array | string)[] = []
  for await (const piece of content) pieces.push(piece)
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
}

function decoded(text: Uint8Array): Uint8Array {
  const plain = Buffer.from(text).toString('latin1').replaceAll(/\s+/g, '')
  const bytes = Buffer.from(plain, 'base64')
  // Node leaves out what is no base64.
  if (bytes.toString('base64').replace(/=+$/, '') !== plain.replace(/=+$/, '')) throw usageError('what is given is not base64')
  return bytes
}
