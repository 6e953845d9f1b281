import type { FileInfo } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { optionalArgument, whole } from '../core/options.ts'
import { moment, size, table } from '../core/table.ts'
import { oneLine } from '../core/text.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, userOption } from './common.ts'

export const fileList = defineCommand({
  path: 'machine file list',
  summary: 'List what is in a directory, by name.',
  args: { id: idArgument, path: optionalArgument('path', 'Directory in the machine (default: its working directory)') },
  options: { depth: whole('--depth <n>', 'Also what is below, so many levels, up to 64 (default: 1)'), user: userOption },
  examples: [
    'nullspace machine file list mch_abc',
    'nullspace machine file list mch_abc /workspace --depth 3',
    'nullspace machine file list mch_abc /etc --json',
  ],
  run(context) {
    const { path = '.', depth } = context.args
    const { files, options } = filesOf(context)
    return files.list(path, { ...options, depth })
  },
  toJson: toWire,
  render(found, { args, io, note }) {
    if (found.length === 0) return note('nothing there')
    const rows = found.map((one) => [
      one.mode,
      one.owner,
      one.isDir ? '-' : size(one.size),
      moment(one.modifiedTime),
      shown(one, args.depth),
    ])
    io.stdout.write(table(['mode', 'owner', 'size', 'modified', 'name'], rows))
  },
})

/** With several levels the name alone says too little. */
function shown({ name, path, isDir, symlinkTarget }: FileInfo, depth = 1): string {
  const mark = isDir ? '/' : symlinkTarget === undefined ? '' : ` -> ${symlinkTarget}`
  return oneLine(`${depth > 1 ? path : name}${mark}`)
}
