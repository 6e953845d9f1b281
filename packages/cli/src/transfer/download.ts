import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { idArgument, pathArgument, userOption } from '../file/common.ts'
import { receive, receivedLines, receiveOptions } from './receive.ts'

export const machineDownload = defineCommand({
  path: 'machine download',
  summary: 'Download a file or a directory. It is there whole or not at all, and nothing is replaced without --force.',
  args: {
    id: idArgument,
    path: pathArgument,
    local: argument('local', 'Local path; . or one that ends with a slash is the directory to put it in; - is standard output'),
  },
  options: { ...receiveOptions, user: userOption },
  examples: [
    'nullspace machine download mch_abc /etc/hosts .',
    'nullspace machine download mch_abc /workspace/out ./out --force',
    'nullspace machine download mch_abc /workspace/log.gz - | zcat | less',
  ],
  run: (context) => receive(context, context.args),
  toJson: toWire,
  render(result, { io, note }) {
    if (result) io.stdout.write(receivedLines(result, note))
  },
})
