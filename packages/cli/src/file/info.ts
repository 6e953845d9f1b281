import { defineCommand } from '../core/command.ts'
import { facts, moment, size } from '../core/table.ts'
import { oneLine } from '../core/text.ts'
import { toWire } from '../core/wire.ts'
import { filesOf, idArgument, pathArgument, userOption } from './common.ts'

export const fileInfo = defineCommand({
  path: 'machine file info',
  summary: 'Show what is at a path; of a symlink, the link itself.',
  args: { id: idArgument, path: pathArgument },
  options: { user: userOption },
  examples: ['nullspace machine file info mch_abc /etc/hosts', 'nullspace machine file info mch_abc /etc/hosts --json'],
  run(context) {
    const { files, options } = filesOf(context)
    return files.info(context.args.path, options)
  },
  toJson: toWire,
  render: (info, { io }) =>
    io.stdout.write(
      facts([
        ['path', oneLine(info.path)],
        ['type', info.type],
        ['leads to', info.symlinkTarget === undefined ? undefined : oneLine(info.symlinkTarget)],
        ['size', info.size < 1024 ? size(info.size) : `${size(info.size)} (${info.size} B)`],
        ['mode', info.mode],
        ['owner', `${info.owner}:${info.group}`],
        ['modified', moment(info.modifiedTime)],
      ]),
    ),
})
