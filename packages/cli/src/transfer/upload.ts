import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { idArgument, userOption } from '../file/common.ts'
import { send, sendOptions, sentLine } from './send.ts'

export const machineUpload = defineCommand({
  path: 'machine upload',
  summary: 'Upload a file, a directory, or standard input. It is there whole or not at all; larger files survive a cut.',
  args: {
    id: idArgument,
    source: argument('src', 'Local file or directory; - is standard input'),
    destination: argument('dst', 'Path in the machine; one that ends with a slash is the directory to put it in'),
  },
  options: { ...sendOptions, user: userOption },
  examples: [
    'nullspace machine upload mch_abc data.csv /workspace/',
    'nullspace machine upload mch_abc . /workspace/project --exclude node_modules --exclude "*.log"',
    'tar cz src | nullspace machine upload mch_abc - /workspace/src.tar.gz',
    'nullspace machine upload mch_abc disk.img /srv/disk.img --resume upload_abc',
  ],
  run: (context) => send(context, context.args),
  toJson: toWire,
  render: (result, { io }) => io.stdout.write(sentLine(result)),
})
